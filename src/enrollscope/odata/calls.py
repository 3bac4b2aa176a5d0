"""Canonical functions, `case`, `cast` and `isof` in expressions (URL conventions 4.01 §5.1.1.5-5.1.1.12)."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import TypeAlias

from enrollscope.odata.bound import (
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
    Quantified,
    Quantifier,
    ScalarType,
    Size,
    TypeIs,
)
from enrollscope.odata.capabilities import OFFERED_FUNCTIONS
from enrollscope.odata.edm import ComplexType, EntityType, EnumType, Model, Primitive, ValueType
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.expr import Array, Expr, Literal, Path, TypeCall, Variable
from enrollscope.odata.expr import Call as ParsedCall
from enrollscope.odata.expr import Case as ParsedCase
from enrollscope.odata.functions import FUNCTIONS, Function
from enrollscope.odata.operands import ClauseFault, Word, read_text, type_name
from enrollscope.odata.paths import Loose, Paths
from enrollscope.odata.patterns import BadPattern, parse_pattern, spell_pattern
from enrollscope.odata.promotion import INTEGERS, NUMBERS, common_type
from enrollscope.odata.rows import Many, Structure, element_of

_PRIMITIVES = {item.value.lower(): item for item in Primitive}
_PLAIN_AS_TEXT = (*INTEGERS, Primitive.DECIMAL, Primitive.GUID, Primitive.DATE)
_NOT_BUILT_AS_TEXT = (
    *(Primitive.DATE_TIME_OFFSET, Primitive.SINGLE, Primitive.DOUBLE),
    *(Primitive.DURATION, Primitive.TIME_OF_DAY, Primitive.BINARY),
)

_Item: TypeAlias = tuple[ScalarType | None, object]
"""A literal in an array: type and stored form, so that equal ones are equal."""


class Calls(Paths, ABC):
    """Binds what is written like a call."""

    @abstractmethod
    def fix(self, operand: Loose, wanted: ScalarType | None, position: int) -> Bound:
        """Turn what is loose into a value."""

    @abstractmethod
    def compared(self, operator: Comparison, left: Bound, right: Bound, position: int) -> Bound:
        """A comparison whose operands must go together."""

    def call(self, call: ParsedCall) -> Bound:
        """Bind a canonical function.

        Raises:
            ClauseFault: no signature takes these arguments.
            NotBuilt: a function that is not offered, or not for these arguments.
        """
        function = FUNCTIONS[call.function]
        if call.function == "now":
            self._operands.timed = True
        if function.name not in OFFERED_FUNCTIONS:
            reason = f" on {function.beyond}, which this service does not have" if function.beyond else ""
            raise NotBuilt(f"{function.name} is not offered{reason}.", position=call.position)
        if not function.signatures:
            return self._beyond_signatures(call)
        arguments: list[Bound] = []
        for place, item in enumerate(call.arguments):
            # The one type that a text can be taken for, where nothing else fits.
            possible = {each.arguments[place] for each in function.signatures if place < len(each.arguments)}
            wanted = possible.pop() if len(possible) == 1 else None
            operand = None if isinstance(item, Array) else self.loose(item)
            if operand is None or isinstance(operand, Many):
                raise _on_collections(function, call)
            arguments.append(self.fix(operand, wanted, item.position))
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

    def _beyond_signatures(self, call: ParsedCall) -> Bound:
        match call.function:
            case "hassubset":
                return self._has_subset(call)
            case "hassubsequence":
                whole, part = map(self.unaliased, call.arguments)
                if isinstance(whole, Array) and isinstance(part, Array):
                    return self.constant(truth=_is_subsequence(self._items(whole), self._items(part)))
                raise NotBuilt("hasSubsequence is offered for two arrays alone.", position=call.position)
            case _:
                return self._is_defined(call.arguments[0])

    def constant(self, *, truth: bool) -> Bound:
        """What is true, or false, whatever the row."""
        return self._operands.parameter(truth, Primitive.BOOLEAN)

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

    def _items(self, array: Array) -> list[_Item]:
        self._operands.unshareable()
        found: list[_Item] = []
        for item in array.items:
            if not isinstance(item, Literal):
                raise NotBuilt("Arrays in expressions may hold literals alone.", position=item.position)
            value, scalar = (None, None) if item.kind == "null" else self._operands.stored(item, None)
            found.append((Primitive.INT64 if scalar in INTEGERS else scalar, value))
        return found

    def _has_subset(self, call: ParsedCall) -> Bound:
        """The first collection becomes the second by leaving out and reordering (§5.1.1.6.1)."""
        whole, part = map(self.unaliased, call.arguments)
        if isinstance(whole, Array) and isinstance(part, Array):
            return self.constant(truth=Counter(self._items(part)) <= Counter(self._items(whole)))
        if isinstance(part, Array):
            return self._counted(self._scalars(whole), part, Comparison.GE)
        if not isinstance(whole, Array):
            raise NotBuilt("hasSubset needs an array as one of its arguments.", position=call.position)
        many = self._scalars(part)
        variable = self._operands.variable()
        element = _scalar_element(many, variable)
        known = In(element, tuple(self.fix(self.loose(item), element.type, item.position) for item in whole.items))
        all_known = Quantified(Quantifier.ALL, many.source, variable, known)
        return Combine(Logic.AND, all_known, self._counted(many, whole, Comparison.LE))

    def _scalars(self, expression: Expr) -> Many:
        found = self.loose(expression)
        if not isinstance(found, Many):
            raise ClauseFault("hasSubset compares collections.", expression.position)
        if isinstance(found.type, ComplexType) or found.kept is not None:
            raise NotBuilt("hasSubset is offered for collections of plain values.", position=expression.position)
        return found

    def _counted(self, many: Many, array: Array, comparison: Comparison) -> Bound:
        """Every item of the array occurs in the collection as often as in the array: at least so, or at most."""
        items = self._items(array)
        literals = dict(zip(items, array.items, strict=True))
        found: Bound | None = None
        for item, count in Counter(items).items():
            variable = self._operands.variable()
            element = _scalar_element(many, variable)
            asked = self.fix(self.loose(literals[item]), element.type, literals[item].position)
            equal = self.compared(Comparison.EQ, element, asked, literals[item].position)
            expected = self._operands.parameter(count, Primitive.INT64)
            condition = Compare(comparison, Size(many.source, variable, equal), expected)
            found = condition if found is None else Combine(Logic.AND, found, condition)
        return self.constant(truth=True) if found is None else found

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

    def type_call(self, call: TypeCall) -> Bound:
        """Bind `isof` or `cast`."""
        itself = isinstance(call.operand, Path) and call.operand.segments == (Variable("$it"),)
        if call.operand is None or itself:
            if call.function == "isof":
                return TypeIs(self._model.stored_as(self.entity_type(call.type.name, call.type.position)))
            raise NotBuilt(
                "cast() of an entity is not offered; name the property behind a type segment.", position=call.position
            )
        if call.type.collection:
            raise NotBuilt("cast() and isof() are not offered for collections.", position=call.type.position)
        wanted = _value_type(self._model, call.type.name, call.type.position)
        found = self.loose(call.operand)
        if call.function == "isof":
            return self._is_of(found, wanted, call.operand.position)
        if isinstance(wanted, ComplexType):
            raise NotBuilt("cast() of complex values is not offered.", position=call.type.position)
        return self._cast_value(self.fix(found, None, call.operand.position), wanted, call.position)

    def _is_of(self, found: Loose, wanted: ValueType, position: int) -> Bound:
        if isinstance(found, Structure):
            return Present(found.source) if found.type is wanted else self.constant(truth=False)
        bound = self.fix(found, None, position)
        if bound.type is not wanted:
            return self.constant(truth=False)
        return Compare(Comparison.NE, bound, Null(bound.type))

    def _cast_value(self, bound: Bound, wanted: ScalarType, position: int) -> Bound:
        kind = bound.type
        if kind is None or kind is wanted:
            return Null(wanted) if kind is None else bound
        if kind in NUMBERS and wanted in NUMBERS:
            return Cast(bound, wanted)
        if kind is Primitive.STRING and isinstance(bound, Parameter) and isinstance(wanted, Primitive):
            return self._read(bound, wanted)
        if wanted is not Primitive.STRING:
            return Null(wanted)  # there is no such cast, so it fails (§5.1.1.10.1)
        if kind in _PLAIN_AS_TEXT:
            return Cast(bound, wanted)
        if kind in _NOT_BUILT_AS_TEXT:
            raise NotBuilt(f"cast() from '{type_name(kind)}' to 'Edm.String' is not offered.", position=position)
        if isinstance(kind, EnumType):
            return self._member_name(bound, kind)
        true, false = self._operands.text("true"), self._operands.text("false")
        return Case(((bound, true), (Not(bound), false)), Null(Primitive.STRING), Primitive.STRING)

    def _read(self, text: Parameter, wanted: Primitive) -> Bound:
        """The value that a string literal spells; null where it spells none of the type."""
        self._operands.unshareable()
        try:
            stored = read_text(self._operands.parameters[text.index], wanted)
        except ValueError:
            return Null(wanted)
        return self._operands.parameter(stored, wanted)

    def _member_name(self, bound: Bound, kind: EnumType) -> Bound:
        """The name of an enumeration member as the client would see it."""
        branches: list[tuple[Bound, Bound]] = []
        for member in kind.members:
            numbers = self._operands.hidden_numbers(kind, member.value) or (member.value,)
            items = tuple(self._operands.parameter(number, kind) for number in numbers)
            branches.append((In(bound, items), self._operands.text(member.name)))
        return Case(tuple(branches), Null(Primitive.STRING), Primitive.STRING)


def _value_type(model: Model, name: str, position: int) -> ValueType:
    """Resolve a type that a value can have."""
    primitive = _PRIMITIVES.get(name.lower())
    if primitive is not None:
        return primitive
    found = model.find_type(name)
    if found is None:
        raise ClauseFault(f"A type named '{name[:200]}' could not be resolved by the model.", position)
    if isinstance(found, EntityType):
        raise ClauseFault(f"No value is of type '{found.name_in_model}'.", position)
    return found


def _scalar_element(many: Many, variable: int) -> Inside:
    element = element_of(many, variable)
    if not isinstance(element, Inside):
        raise TypeError("complex elements were taken for scalars")
    return element


def _signed(function: Function, call: ParsedCall, arguments: tuple[Bound, ...]) -> Bound:
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


def _on_collections(function: Function, call: ParsedCall) -> Exception:
    if function.beyond is not None and "collections" in function.beyond:
        return NotBuilt(f"{function.name} is offered for strings, not for collections.", position=call.position)
    return ClauseFault(f"{function.name} does not work on collections.", call.position)


def _is_subsequence(whole: list[_Item], part: list[_Item]) -> bool:
    rest = iter(whole)
    return all(item in rest for item in part)
