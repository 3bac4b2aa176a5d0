"""Canonical functions, `case`, `cast` and `isof` in expressions (URL conventions 4.01 §5.1.1.5-5.1.1.12)."""

from abc import ABC
from functools import lru_cache

from enrollscope.odata.binding.composites import Composites
from enrollscope.odata.binding.loose import COMPOSITE, Loose, is_composite, is_null
from enrollscope.odata.binding.operands import ClauseFault, Word, is_nan, read_text, type_name
from enrollscope.odata.binding.rows import Many, Structure
from enrollscope.odata.edm.functions import FUNCTIONS, Function
from enrollscope.odata.edm.model import ComplexType, EntityType, EnumMember, EnumType, Model, Primitive, ValueType
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import Call as ParsedCall
from enrollscope.odata.grammar.expr import Case as ParsedCase
from enrollscope.odata.grammar.expr import Expr, Literal, Path, TypeCall, Variable
from enrollscope.odata.grammar.patterns import BadPattern, parse_pattern, spell_pattern
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.bound import (
    Bound,
    Call,
    Case,
    Cast,
    Column,
    Combine,
    Compare,
    Comparison,
    In,
    Inside,
    Logic,
    Not,
    Null,
    OfType,
    Parameter,
    Present,
    SameText,
    ScalarType,
    TypeIs,
)
from enrollscope.odata.plan.promotion import INTEGERS, NUMBERS, common_type
from enrollscope.odata.protocol.capabilities import OFFERED_FUNCTIONS

_PRIMITIVES = {item.value.lower(): item for item in Primitive}


class Calls(Composites, ABC):
    """Binds what is written like a call."""

    def call(self, call: ParsedCall) -> Loose:
        """Bind a canonical function.

        Raises:
            ClauseFault: no signature takes these arguments.
            NotBuilt: a function that is not offered, or not for these arguments.
        """
        function = FUNCTIONS[call.function]
        if function.name not in OFFERED_FUNCTIONS:
            reason = f" on {function.beyond}, which this service does not have" if function.beyond else ""
            raise NotBuilt(f"{function.name} is not offered{reason}.", position=call.position)
        if call.function == "isdefined":
            return self._is_defined(call.arguments[0])
        if call.function == "now":
            self._operands.timed = True
        operands = [self.loose(item) for item in call.arguments]
        composite = not COMPOSITE.isdisjoint(map(type, operands))
        if self.takes_collections(function, composite=composite):
            return self.call_of_collections(function, call, operands)
        arguments: list[Bound] = []
        for place, (operand, item) in enumerate(zip(operands, call.arguments, strict=True)):
            if composite and is_composite(operand):
                raise ClauseFault(f"{function.name} does not work on collections and structured values.", item.position)
            arguments.append(self.fix(operand, _only_type(call.function, place), item.position))
        if call.function == "matchespattern":
            self._spell_pattern(arguments[1], call.arguments[1].position)
        return _signed(function, call, tuple(arguments))

    def _spell_pattern(self, pattern: Bound, position: int) -> None:
        """Put the form of a pattern that stores understand in its place."""
        if not isinstance(pattern, Parameter) or pattern.type is not Primitive.STRING:
            if pattern.type not in (Primitive.STRING, None) or isinstance(pattern, Null):
                return  # no signature takes it, or the result is null
            raise NotBuilt("matchesPattern is offered for a pattern that is a literal.", position=position)
        self._operands.unshareable()
        try:
            text = spell_pattern(parse_pattern(self._operands.parameters[pattern.index]))
        except BadPattern as error:
            raise ClauseFault(
                f"Invalid pattern: {error.problem}, at character {error.position} of the pattern.", position
            ) from error
        self._operands.parameters[pattern.index] = text

    def _is_defined(self, expression: Expr) -> Bound:
        """Whether an entity has a property at all: those of some types do not (Data Aggregation 4.0 §7.1)."""
        match self.loose(expression):
            case Word(name=name, position=position):
                raise self.unknown(name, position)
            case Column(property=name):
                return self._types_with(name)
            case OfType(operand=Column(property=name), types=types):
                return Combine(Logic.AND, self._types_with(name), TypeIs(types))
            case Structure(source=source) | Many(source=source) | Inside(source=source) if isinstance(source.of, str):
                return self._types_with(source.of)
            case _:
                return self.constant(truth=True)

    def _types_with(self, name: str) -> Bound:
        having = [item for item in self._model.entities if name in item.by_name]
        return TypeIs(frozenset().union(*(self._model.stored_as(item) for item in having)))

    def case(self, case: ParsedCase) -> Bound:
        """Bind `case(…)`; its values are brought to one type."""
        conditions = [self.condition(condition) for condition, _ in case.branches]
        loose = [self.loose(value) for _, value in case.branches]
        positions = [value.position for _, value in case.branches]
        known = (
            self.fix(item, None, position).type
            for item, position in zip(loose, positions, strict=True)
            if not isinstance(item, Literal | Word)
        )
        wanted = next((item for item in known if item is not None), None)
        values = [self.fix(item, wanted, position) for item, position in zip(loose, positions, strict=True)]
        kind: ScalarType | None = None
        for value, position in zip(values, positions, strict=True):
            if value.type is None:
                continue
            common = value.type if kind is None else common_type(kind, value.type)
            if common is None:
                raise ClauseFault(
                    f"The values of case() are of different types, '{type_name(kind)}' and '{type_name(value.type)}'.",
                    position,
                )
            kind = common
        return Case(tuple(zip(conditions, values, strict=True)), Null(kind), kind)

    def type_call(self, call: TypeCall) -> Loose:
        """Bind `isof` or `cast`."""
        itself = isinstance(call.operand, Path) and call.operand.segments == (Variable("$it"),)
        if call.operand is None or itself:
            if call.function == "isof":
                return TypeIs(self._model.stored_as(self.entity_type(call.type.name, call.type.position)))
            raise NotBuilt(
                "cast() of an entity is not offered; name the property behind a type segment.", position=call.position
            )
        wanted = _value_type(self._model, call.type.name, call.type.position)
        found, position = self.loose(call.operand), call.operand.position
        if call.function == "isof":
            return self._is_of(found, wanted, position, collection=call.type.collection)
        if is_composite(found) or call.type.collection:
            return self.cast_whole(found, wanted, position, collection=call.type.collection)
        bound = self.fix(found, None, position)
        return Null(None) if isinstance(wanted, ComplexType) else self._cast_value(bound, wanted)

    def _is_of(self, found: Loose, wanted: ValueType, position: int, *, collection: bool) -> Bound:
        if is_composite(found):
            found = self.cast_whole(found, wanted, position, collection=collection)
            if isinstance(found, Structure):
                return Present(found.source)
            return self.constant(truth=not is_null(found))
        bound = self.fix(found, None, position)
        if collection or isinstance(wanted, ComplexType):
            return self.constant(truth=False)
        if bound.type is not wanted:
            return self.constant(truth=False)
        if self._operands.is_not_a_number(bound):
            return self.constant(truth=True)
        return Compare(Comparison.NE, bound, Null(bound.type))

    def _cast_value(self, bound: Bound, wanted: ScalarType) -> Bound:
        kind = bound.type
        if kind is None or kind is wanted:
            return Null(wanted) if kind is None else bound
        if kind in NUMBERS and wanted in NUMBERS:
            return Cast(bound, wanted)
        if kind is Primitive.STRING and isinstance(wanted, Primitive):
            return self._read(bound, wanted) if isinstance(bound, Parameter) else Cast(bound, wanted)
        if isinstance(kind, EnumType) and wanted in INTEGERS:
            return self._of_member(bound, kind, wanted)
        if kind in INTEGERS and isinstance(wanted, EnumType):
            return self._member_of_number(bound, wanted)
        if kind is Primitive.STRING and isinstance(wanted, EnumType):
            return self._member_of_text(bound, wanted)
        if wanted is not Primitive.STRING:
            return Null(wanted)  # there is no such cast, so it fails (§5.1.1.10.1)
        if isinstance(kind, EnumType):
            return self._of_member(bound, kind, wanted)
        if kind is not Primitive.BOOLEAN:
            return Cast(bound, wanted)
        true, false = self._operands.text("true"), self._operands.text("false")
        return Case(((bound, true), (Not(bound), false)), Null(Primitive.STRING), Primitive.STRING)

    def _read(self, text: Parameter, wanted: Primitive) -> Bound:
        """The value that a string literal spells; null where it spells none of the type."""
        self._operands.unshareable()
        try:
            stored = read_text(self._operands.parameters[text.index], wanted)
        except ValueError:
            return Null(wanted)
        return self._operands.not_a_number(wanted) if is_nan(stored) else self._operands.parameter(stored, wanted)

    def _of_member(self, bound: Bound, kind: EnumType, wanted: ScalarType) -> Bound:
        """The name or the number of an enumeration member as the client would see it."""
        branches: list[tuple[Bound, Bound]] = []
        for member in self._operands.seen(kind):
            numbers = self._operands.hidden_numbers(kind, member.value) or (member.value,)
            items = tuple(self._operands.parameter(number, kind) for number in numbers)
            is_text = wanted is Primitive.STRING
            seen = self._operands.text(member.name) if is_text else self._operands.parameter(member.value, wanted)
            branches.append((In(bound, items), seen))
        return Case(tuple(branches), Null(wanted), wanted)

    def _member_of_number(self, bound: Bound, wanted: EnumType) -> Bound:
        """The member that has a number; null for none."""
        members = self._operands.seen(wanted)
        if isinstance(bound, Parameter):
            self._operands.unshareable()
            given = self._operands.parameters[bound.index]
            return self._member_or_null(next((each for each in members if each.value == given), None), wanted)
        branches = [
            (
                Compare(Comparison.EQ, bound, self._operands.parameter(member.value, Primitive.INT64)),
                self._operands.parameter(member.value, wanted),
            )
            for member in members
        ]
        return Case(tuple(branches), Null(wanted), wanted)

    def _member_of_text(self, bound: Bound, wanted: EnumType) -> Bound:
        """The member whose name a text is, in any case, or whose number; null for none."""
        members = self._operands.seen(wanted)
        if isinstance(bound, Parameter):
            self._operands.unshareable()
            given = self._operands.parameters[bound.index].lower()
            return self._member_or_null(
                next((each for each in members if given in (each.name.lower(), str(each.value))), None), wanted
            )
        branches: list[tuple[Bound, Bound]] = []
        for member in members:
            named = SameText(bound, self._operands.text(member.name))
            numbered = Compare(Comparison.EQ, bound, self._operands.text(str(member.value)))
            branches.append((Combine(Logic.OR, named, numbered), self._operands.parameter(member.value, wanted)))
        return Case(tuple(branches), Null(wanted), wanted)

    def _member_or_null(self, member: EnumMember | None, kind: EnumType) -> Bound:
        return Null(kind) if member is None else self._operands.parameter(member.value, kind)


def _value_type(model: Model, name: str, position: int) -> ValueType:
    """Resolve a type that a value can have."""
    primitive = _PRIMITIVES.get(name.lower())
    if primitive is not None:
        return primitive
    found = model.find_type(name)
    if found is None:
        known = [item.name_in_model for item in (*Primitive, *model.enums, *model.complexes)]
        raise ClauseFault(
            f"A type named '{name[:200]}' could not be resolved by the model.{near_name(name, known)}", position
        )
    if isinstance(found, EntityType):
        raise ClauseFault(f"No value is of type '{found.name_in_model}'.", position)
    return found


def _signed(function: Function, call: ParsedCall, arguments: tuple[Bound, ...]) -> Bound:
    kinds = tuple([argument.type for argument in arguments])
    for signature in function.signatures:
        if signature.arguments == kinds:
            return Call(call.function, arguments, signature.result)
    for signature in function.signatures:
        if len(signature.arguments) == len(arguments) and all(
            _fits(argument, wanted) for argument, wanted in zip(arguments, signature.arguments, strict=True)
        ):
            return Call(call.function, arguments, signature.result)
    found = ", ".join(type_name(item.type) for item in arguments)
    expected = " or ".join(
        f"{function.name}({', '.join(item.name_in_model for item in signature.arguments)})"
        for signature in function.signatures
    )
    raise ClauseFault(
        f"No function signature for the function with name '{call.function}' matches the specified arguments "
        f"({found}). The function signatures considered are: {expected}.",
        call.position,
    )


def _fits(argument: Bound, wanted: ScalarType) -> bool:
    kind = argument.type
    if kind is wanted or kind is None:
        return True
    promoted = common_type(kind, wanted)
    return promoted is not None and (promoted is wanted or (promoted in INTEGERS and wanted in INTEGERS))


@lru_cache(256)
def _only_type(function: str, place: int) -> Primitive | None:
    """The one type that a function takes at a place: what a text can be taken for where nothing else fits."""
    signatures = FUNCTIONS[function].signatures
    possible = {each.arguments[place] for each in signatures if place < len(each.arguments)}
    return possible.pop() if len(possible) == 1 else None
