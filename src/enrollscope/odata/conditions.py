"""Parsed expressions to bound ones: every name resolved against the model, every type checked.

Properties of derived types may be named without a cast on the base-typed collection; rows without the property read as
null (contract §12 row 20).
"""

from typing import assert_never

from enrollscope.odata.bound import (
    Arithmetic,
    Bound,
    Call,
    Column,
    Combine,
    Compare,
    Comparison,
    In,
    Logic,
    Negate,
    Not,
    OfType,
    Operator,
    Parameter,
    ScalarType,
    TypeIs,
)
from enrollscope.odata.capabilities import OFFERED_FUNCTIONS
from enrollscope.odata.edm import ComplexType, EntityType, EnumType, Model, Primitive, Property, visible_properties
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.expr import (
    Array,
    Binary,
    Case,
    Expr,
    ListExpr,
    Literal,
    Logical,
    Name,
    Object,
    Path,
    Qualified,
    TypeCall,
    Unary,
    Variable,
)
from enrollscope.odata.expr import Call as ParsedCall
from enrollscope.odata.functions import FUNCTIONS, Function
from enrollscope.odata.hints import near_name
from enrollscope.odata.operands import (
    INTEGERS,
    NUMBERS,
    ClauseFault,
    Operand,
    Operands,
    UnknownWord,
    Word,
    common_type,
    incompatible,
    type_name,
)

_COMPARISONS = {item.value: item for item in Comparison}
_OPERATORS = {item.value: item for item in Operator}


class Conditions:
    """Binds the expressions of one request to one declared type."""

    def __init__(self, model: Model, declared: EntityType, operands: Operands) -> None:
        self._model = model
        self._declared = declared
        self._operands = operands
        self._properties = {item.name.lower(): item for item in visible_properties(model, declared)}

    def condition(self, expression: Expr) -> Bound:
        """Bind a `$filter`: the result is boolean.

        Raises:
            ClauseFault: a name, type or operator is wrong.
            NotBuilt: valid OData that is not offered yet.
        """
        return self._boolean(expression)

    def value(self, expression: Expr) -> Bound:
        """Bind an expression of any scalar type, as `$orderby` takes it."""
        return self._fix(self._bind(expression), None)

    def property(self, name: str, position: int) -> Property:
        """Look up a property of the declared type, or one derived from it.

        Raises:
            ClauseFault: there is none; offers the nearest name.
        """
        found = self._properties.get(name.lower())
        if found is None:
            raise self._unknown(name, position)
        return found

    def _fix(self, operand: Operand, wanted: ScalarType | None) -> Bound:
        try:
            return self._operands.fix(operand, wanted)
        except UnknownWord as word:
            raise self._unknown(word.name, word.position) from word

    def _unknown(self, name: str, position: int) -> ClauseFault:
        hint = near_name(name, (item.name for item in self._properties.values()))
        return ClauseFault(
            f"Could not find a property named '{name}' on type '{self._declared.name_in_model}'.{hint}", position
        )

    def _boolean(self, expression: Expr) -> Bound:
        bound = self._fix(self._bind(expression), Primitive.BOOLEAN)
        if bound.type not in (Primitive.BOOLEAN, None):
            raise ClauseFault(
                f"A condition is needed, but the expression is of type '{type_name(bound.type)}'.",
                _position(expression),
            )
        return bound

    def _bind(self, expression: Expr) -> Operand:
        match expression:
            case Literal():
                return expression
            case Path():
                return self._path(expression)
            case Logical(operator=operator, operands=operands):
                logic = Logic(operator)
                bound = self._boolean(operands[0])
                for operand in operands[1:]:
                    bound = Combine(logic, bound, self._boolean(operand))
                return bound
            case Unary(operator="not", operand=operand):
                return Not(self._boolean(operand))
            case Unary(operand=operand):
                return self._negation(operand)
            case Binary():
                return self._binary(expression)
            case ParsedCall():
                return self._call(expression)
            case TypeCall():
                return self._type_call(expression)
            case Case() | ListExpr() | Array() | Object():
                raise NotBuilt(
                    f"{type(expression).__name__} expressions are not offered yet.", position=_position(expression)
                )
            case _:
                assert_never(expression)

    def _path(self, path: Path) -> Operand:
        segments = path.segments
        if segments and isinstance(segments[0], Variable) and segments[0].name == "$it":
            segments = segments[1:]
        match segments:
            case (Name(name=name, arguments=None, position=position),):
                found = self._properties.get(name.lower())
                return Word(name, position) if found is None else self._column(found, position)
            case (
                Qualified(name=cast, arguments=None, position=at),
                Name(name=name, arguments=None, position=position),
            ):
                return self._behind_cast(cast, at, name, position)
            case (Name(name=name, arguments=None, position=position), *_):
                found = self.property(name, position)
                if not isinstance(found.type, ComplexType):
                    raise ClauseFault(f"'{found.name}' has no properties of its own to go into.", position)
                raise NotBuilt(f"Conditions on what is inside '{found.name}' are not offered yet.", position=position)
            case _:
                raise NotBuilt("A path of this form is not offered in expressions yet.", position=path.position)

    def _column(self, found: Property, position: int) -> Column:
        if found.collection:
            raise ClauseFault(f"'{found.name}' is a collection; compare what any or all of its items hold.", position)
        if isinstance(found.type, ComplexType):
            raise NotBuilt(f"Comparing '{found.name}' as a whole is not offered yet.", position=position)
        return Column(found.name, found.type)

    def entity_type(self, name: str, position: int) -> EntityType:
        """Resolve a type cast.

        Raises:
            ClauseFault: no such type, or one that no entity here can have.
        """
        found = self._model.find_type(name)
        if not isinstance(found, EntityType):
            raise ClauseFault(f"A type named '{name}' could not be resolved by the model.", position)
        if not found.is_a(self._declared) and not self._declared.is_a(found):
            raise ClauseFault(f"'{found.name_in_model}' is not related to '{self._declared.name_in_model}'.", position)
        return found

    def _behind_cast(self, cast: str, at: int, name: str, position: int) -> Bound:
        entity = self.entity_type(cast, at)
        found = entity.find(name)
        if found is None:
            hint = near_name(name, (item.name for item in entity.all_properties))
            raise ClauseFault(
                f"Could not find a property named '{name}' on type '{entity.name_in_model}'.{hint}", position
            )
        column = self._column(found, position)
        if self._declared.is_a(entity) or not any(found.name in item.by_name for item in entity.lineage[:-1]):
            return column
        return OfType(column, self._model.stored_as(entity), column.type)

    def _type_call(self, call: TypeCall) -> Bound:
        if call.function == "cast":
            raise NotBuilt(
                "cast() is not offered yet; name the property behind a type segment.", position=call.position
            )
        if call.operand is not None:
            raise NotBuilt("isof() of a single value is not offered yet.", position=call.position)
        return TypeIs(self._model.stored_as(self.entity_type(call.type.name, call.type.position)))

    def _negation(self, operand: Expr) -> Bound:
        bound = self.value(operand)
        if bound.type is not None and (bound.type in NUMBERS or bound.type is Primitive.DURATION):
            return Negate(bound, bound.type)
        raise ClauseFault(f"'-' needs a number or a duration, not '{type_name(bound.type)}'.", _position(operand))

    def _binary(self, binary: Binary) -> Bound:
        operator = binary.operator
        if operator == "in":
            return self._in(binary)
        if operator == "has":
            raise ClauseFault("'has' works on flags enumerations only, and this model has none.", binary.position)
        left, right = self._pair(self._bind(binary.left), self._bind(binary.right))
        if operator in _COMPARISONS:
            return self._compare(_COMPARISONS[operator], left, right, binary)
        if left.type is None or right.type is None:
            raise incompatible(operator, left.type, right.type, binary.position)
        common = common_type(left.type, right.type)
        if common is None or common not in NUMBERS:
            raise incompatible(operator, left.type, right.type, binary.position)
        if operator == "divby" and common in INTEGERS:
            common = Primitive.DECIMAL
        return Arithmetic(_OPERATORS[operator], left, right, common)

    def _pair(self, left: Operand, right: Operand) -> tuple[Bound, Bound]:
        """Fix two operands, each with regard to the type of the other."""
        if isinstance(left, Literal | Word):
            fixed = self._fix(right, None) if not isinstance(right, Word) else None
            if fixed is None:
                left_fixed = self._fix(left, None)
                return left_fixed, self._fix(right, left_fixed.type)
            return self._fix(left, fixed.type), fixed
        return left, self._fix(right, left.type)

    def _compare(self, operator: Comparison, left: Bound, right: Bound, binary: Binary) -> Bound:
        if left.type is not None and right.type is not None and common_type(left.type, right.type) is None:
            raise incompatible(operator.value, left.type, right.type, binary.position)
        if operator in (Comparison.EQ, Comparison.NE):
            hidden = self._sentinel(left, right)
            if hidden is not None:
                return hidden if operator is Comparison.EQ else Not(hidden)
        return Compare(operator, left, right)

    def _sentinel(self, left: Bound, right: Bound) -> Bound | None:
        """Equality with the sentinel of an evolvable enumeration: true of every hidden member (contract §3.6)."""
        if not (isinstance(right, Parameter) and isinstance(right.type, EnumType)):
            return None
        numbers = self._operands.hidden_numbers(right.type, self._operands.parameters[right.index])
        if not numbers:
            return None
        items = tuple(self._operands.parameter(number, right.type) for number in numbers)
        return In(left, items)

    def _in(self, binary: Binary) -> Bound:
        if not isinstance(binary.right, ListExpr):
            raise NotBuilt("'in' takes a list of literals in parentheses.", position=binary.position)
        left = self._fix(self._bind(binary.left), None)
        items: list[Bound] = []
        for item in binary.right.items:
            bound = self._fix(self._bind(item), left.type)
            if bound.type is not None and left.type is not None and common_type(left.type, bound.type) is None:
                raise incompatible("in", left.type, bound.type, _position(item))
            hidden = self._sentinel(left, bound)
            items.extend(hidden.items if isinstance(hidden, In) else (bound,))
        return In(left, tuple(items))

    def _call(self, call: ParsedCall) -> Bound:
        function = FUNCTIONS[call.function]
        if function.name not in OFFERED_FUNCTIONS:
            raise NotBuilt(f"The function '{function.name}' is not offered yet.", position=call.position)
        arguments = [self._bind(item) for item in call.arguments]
        return bind_call(function, call, tuple(self._fix(item, None) for item in arguments))


def bind_call(function: Function, call: ParsedCall, arguments: tuple[Bound, ...]) -> Bound:
    """Check the arguments of a canonical function against its signatures.

    Raises:
        ClauseFault: no signature takes these arguments.
    """
    for signature in function.signatures:
        if len(signature.arguments) == len(arguments) and all(
            _fits(argument, wanted) for argument, wanted in zip(arguments, signature.arguments, strict=True)
        ):
            return Call(call.function.lower(), arguments, signature.result)
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
    if argument.type is None:
        return True
    promoted = common_type(argument.type, wanted)
    return promoted is not None and (promoted == wanted or (promoted in INTEGERS and wanted in INTEGERS))


def _position(expression: Expr) -> int:
    return expression.position
