"""Parsed expressions to bound ones: every name resolved against the model, every type checked."""

from collections.abc import Sequence
from typing import assert_never, get_args

from enrollscope.odata.binding.calls import Calls
from enrollscope.odata.binding.composites import joined
from enrollscope.odata.binding.loose import COMPOSITE, UNTYPED, Items, Loose, Members, Typed, is_composite
from enrollscope.odata.binding.operands import ClauseFault, UnknownWord, Word, incompatible, type_name
from enrollscope.odata.binding.rows import Branch, Many, Structure, element_of, named
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import (
    Array,
    Binary,
    Call,
    Case,
    Expr,
    ListExpr,
    Literal,
    Logical,
    Object,
    Path,
    TypeCall,
    Unary,
)
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Combine,
    Compare,
    Comparison,
    In,
    Logic,
    Negate,
    Not,
    Null,
    Operator,
    Parameter,
    Quantified,
    Quantifier,
    ScalarType,
)
from enrollscope.odata.plan.promotion import NUMBERS, arithmetic_type, common_type

_LOGIC = {item.value: item for item in Logic}
_COMPARISONS = {item.value: item for item in Comparison}
_VALUES = frozenset(get_args(Bound))
_OPERATORS = {item.value: item for item in Operator}
_GIVEN = (Parameter, Null)


class Conditions(Calls):
    """Binds the expressions of one request."""

    def condition(self, expression: Expr) -> Bound:
        """Bind a `$filter`: the result is boolean.

        Raises:
            ClauseFault: a name, type or operator is wrong.
            NotBuilt: valid OData that is not offered.
        """
        bound = self.fix(self.loose(expression), Primitive.BOOLEAN, expression.position)
        if bound.type is not Primitive.BOOLEAN and bound.type is not None:
            raise ClauseFault(
                f"A condition is needed, but the expression is of type '{type_name(bound.type)}'.", expression.position
            )
        return bound

    def value(self, expression: Expr) -> Bound:
        """Bind an expression of any scalar type, as `$orderby` takes it."""
        found = self.loose(expression)
        if isinstance(found, Typed | Items | Members):
            raise NotBuilt("Arrays, objects and what they make are not offered here.", position=expression.position)
        return self.fix(found, None, expression.position)

    def computed_value(self, expression: Expr) -> Bound:
        """Bind an expression that a computed property stands for; otherwise as `value`.

        Raises:
            NotBuilt: it is a structured value or a collection.
        """
        found = self.loose(expression)
        if is_composite(found) and not isinstance(found, Structure):
            raise NotBuilt(
                "Collections and objects are not offered as computed properties.", position=expression.position
            )
        return self.fix(found, None, expression.position)

    def fix(self, operand: Loose, wanted: ScalarType | None, position: int) -> Bound:
        """Turn what is loose into a value, of the type `wanted` where it can be."""
        if type(operand) in _VALUES:
            return operand  # type: ignore[return-value]  # what the line above says, without a test for each class
        match operand:
            case Literal() | Word():
                try:
                    return self._operands.fix(operand, wanted)
                except UnknownWord as word:
                    raise self.unknown(word.name, word.position) from word
            case Many():
                raise ClauseFault(
                    f"{named(operand)} is a collection; compare what any or all of its items hold.", position
                )
            case Structure(type=kind):
                raise NotBuilt(
                    f"A value of type '{kind.name_in_model}' as a whole is compared with others alone; "
                    f"name one of its properties: {', '.join(item.name for item in kind.properties)}.",
                    position=position,
                )
            case Typed() | Items() | Members():
                raise ClauseFault("One value is wanted, and not an array, an object or a collection.", position)
            case Branch():
                raise ClauseFault("This has no value of its own; name what is inside.", position)
            case _:
                return operand

    def loose(self, expression: Expr) -> Loose:
        """Bind an expression as far as it goes without knowing what it is compared with."""
        self.nodes += 1
        match expression:
            case Path():
                return self.path(expression)
            case Literal():
                return expression
            case Binary():
                return self._binary(expression)
            case Logical(operator=operator, operands=operands):
                return joined(_LOGIC[operator], [self.condition(operand) for operand in operands])
            case Call():
                return self.call(expression)
            case Unary(operator=operator, operand=operand):
                return Not(self.condition(operand)) if operator == "not" else self._negation(operand)
            case TypeCall():
                return self.type_call(expression)
            case Case():
                return self.case(expression)
            case Array(items=items):
                return Items(tuple([(self.loose(item), item.position) for item in items]))
            case Object(members=members):
                return Members(tuple([(name, self.loose(value), value.position) for name, value in members]))
            case ListExpr():
                raise ClauseFault("A list in parentheses stands on the right of 'in' alone.", expression.position)
            case _:
                assert_never(expression)

    def _negation(self, operand: Expr) -> Bound:
        bound = self.value(operand)
        if bound.type is not None and (bound.type in NUMBERS or bound.type is Primitive.DURATION):
            return bound if self._operands.is_not_a_number(bound) else Negate(bound, bound.type)
        raise ClauseFault(f"'-' needs a number or a duration, not '{type_name(bound.type)}'.", operand.position)

    def _binary(self, binary: Binary) -> Bound:
        operator = binary.operator
        if operator == "in":
            return self._in(binary)
        if operator == "has":
            raise ClauseFault("'has' works on flags enumerations only, and this model has none.", binary.position)
        loose_left, loose_right = self.loose(binary.left), self.loose(binary.right)
        comparison = _COMPARISONS.get(operator)
        if comparison is not None and (type(loose_left) in COMPOSITE or type(loose_right) in COMPOSITE):
            return self.same(comparison, loose_left, loose_right, binary.position)
        left, right = self._pair(loose_left, loose_right, binary)
        if comparison is not None:
            return self.compared(comparison, left, right, binary.position)
        known = left.type or right.type
        if known is None:
            return Null()
        kind = arithmetic_type(_OPERATORS[operator], left.type or known, right.type or known)
        if kind is None:
            raise incompatible(operator, left.type, right.type, binary.position)
        return Arithmetic(_OPERATORS[operator], left, right, kind)

    def _pair(self, left: Loose, right: Loose, binary: Binary) -> tuple[Bound, Bound]:
        """Fix two operands, each with regard to the type of the other."""
        if isinstance(left, UNTYPED) and not isinstance(right, Word):
            fixed = self.fix(right, None, binary.right.position)
            return self.fix(left, _wanted_beside(fixed, binary), binary.left.position), fixed
        fixed = self.fix(left, None, binary.left.position)
        return fixed, self.fix(right, _wanted_beside(fixed, binary), binary.right.position)

    def compared(self, operator: Comparison, left: Bound, right: Bound, position: int) -> Bound:
        """A comparison whose operands must go together."""
        kind = left.type
        other = right.type
        if kind is not other and kind is not None and other is not None and common_type(kind, other) is None:
            raise incompatible(operator.value, kind, other, position)
        operands = self._operands
        if operands.not_numbers and (operands.is_not_a_number(left) or operands.is_not_a_number(right)):
            return self.constant(truth=operator is Comparison.NE)
        if (operator is Comparison.EQ or operator is Comparison.NE) and isinstance(kind, EnumType):
            hidden = self._sentinel(left, right) or self._sentinel(right, left)
            if hidden is not None:
                return hidden if operator is Comparison.EQ else Not(hidden)
            if not isinstance(left, _GIVEN) and not isinstance(right, _GIVEN):
                left, right = self._seen(left), self._seen(right)
        return Compare(operator, left, right)

    def equal(self, left: Bound, right: Bound) -> Bound:
        """A comparison of two values of one type."""
        return Compare(Comparison.EQ, left, right)

    def _seen(self, operand: Bound) -> Bound:
        """An operand as the client sees it."""
        return operand if isinstance(operand, _GIVEN) else self._operands.folded(operand)

    def _sentinel(self, left: Bound, right: Bound) -> In | None:
        """Equality with the sentinel of an evolvable enumeration: true of every hidden member (contract §3.6)."""
        if not (isinstance(right, Parameter) and isinstance(right.type, EnumType)):
            return None
        numbers = self._operands.hidden_numbers(right.type, self._operands.parameters[right.index])
        if not numbers:
            return None
        self._operands.unshareable()
        return In(left, tuple(self._operands.parameter(number, right.type) for number in numbers))

    def _in(self, binary: Binary) -> Bound:
        left = self.loose(binary.left)
        right = self.unaliased(binary.right)
        if isinstance(right, ListExpr):
            return self._in_list(left, [(self.loose(item), item.position) for item in right.items], binary)
        match self.loose(right):
            case Items(items=items):
                return self._in_list(left, items, binary)
            case Literal() | Word() as found if isinstance(binary.right, Path):
                return self._in_list(left, ((found, right.position),), binary)  # a bare word, or an alias
            case Many() as many:
                return self._in_collection(left, many, binary)
            case Typed(collection=True) as made:
                return self.among(left, made, binary.position)
            case _:
                raise ClauseFault("'in' takes a list in parentheses, or a collection.", right.position)

    def _in_list(self, operand: Loose, items: Sequence[tuple[Loose, int]], binary: Binary) -> Bound:
        if is_composite(operand):
            return self.one_of(operand, items)
        left = self.fix(operand, None, binary.left.position)
        found: list[Bound] = []
        for item, position in items:
            bound = self.fix(item, left.type, position)
            if bound.type is not None and left.type is not None and common_type(left.type, bound.type) is None:
                raise incompatible("in", left.type, bound.type, position)
            if self._operands.is_not_a_number(bound):
                continue
            hidden = self._sentinel(left, bound)
            found.extend((bound,) if hidden is None else hidden.items)
        if self._operands.is_not_a_number(left):
            return self.constant(truth=False)
        if not all(isinstance(item, _GIVEN) for item in found):
            left, found = self._seen(left), [self._seen(item) for item in found]
        return In(left, tuple(found))

    def _in_collection(self, left: Loose, many: Many, binary: Binary) -> Bound:
        variable = self._operands.variable() if many.kept is None else many.kept[0]
        element = element_of(many, variable)
        if isinstance(element, Structure) or is_composite(left):
            equal = self.equal_wholes(element, left, binary.position)
        else:
            equal = self.compared(
                Comparison.EQ, element, self.fix(left, element.type, binary.left.position), binary.position
            )
        predicate = equal if many.kept is None else Combine(Logic.AND, many.kept[1], equal)
        return Quantified(Quantifier.ANY, many.source, variable, predicate)


def _wanted_beside(fixed: Bound, binary: Binary) -> ScalarType | None:
    """The type that a literal should have beside an operand: beside a point in time it may be a duration, too."""
    point = fixed.type is Primitive.DATE_TIME_OFFSET or fixed.type is Primitive.DATE
    return None if point and binary.operator not in _COMPARISONS else fixed.type
