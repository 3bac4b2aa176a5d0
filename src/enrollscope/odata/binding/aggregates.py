"""What `groupby` groups by and what `aggregate` makes of a group (Data Aggregation 4.0 §3.1.3, §3.2)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from enrollscope.odata.binding.conditions import Conditions
from enrollscope.odata.binding.operands import ClauseFault, Operands, Word, type_name
from enrollscope.odata.binding.rows import Many
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import AggregateItem, Count, Literal, Path
from enrollscope.odata.plan.bound import Bound, Column, Field, Inside, OfType, ScalarType
from enrollscope.odata.plan.promotion import INTEGERS, NUMBERS
from enrollscope.odata.plan.queries import Aggregation, Method
from enrollscope.odata.plan.requests import Shown

_METHODS: Mapping[str, Method] = MappingProxyType({item.value: item for item in Method if item is not Method.COUNT})


def grouping_key(path: Path, conditions: Conditions, results: Sequence[Shown] | None) -> tuple[tuple[str, ...], Bound]:
    """A property to group by: its name in the result, from the outside in, and its value.

    Args:
        results: what the rows show, where an earlier grouping made them.

    Raises:
        ClauseFault: there is no such property, or it has many values.
    """
    found = conditions.path(path)
    if isinstance(found, Word):
        raise conditions.unknown(found.name, found.position)
    if isinstance(found, Literal | Many):
        raise ClauseFault("Groups are made by properties of one value.", path.position)
    bound = conditions.fix(found, None, path.position)
    given = next((item for item in conditions.computed.values() if item.bound is bound), None)
    if given is not None:
        return (given.name,), bound
    match bound:
        case Field(index=index) if results is not None:
            return results[index].path, bound
        case Column(property=name) | OfType(operand=Column(property=name)):
            return (name,), bound
        case Inside(source=source) if isinstance(source.of, str):
            return (source.of, *source.path), bound
        case _:
            raise ClauseFault("Groups are made by properties; compute one first.", path.position)


def aggregation(
    item: AggregateItem, conditions: Conditions, operands: Operands, operand: Bound | None = None
) -> Aggregation:
    """Bind one item of `aggregate(…)`.

    Args:
        operand: what to aggregate instead of the item's own expression.

    Raises:
        ClauseFault: the method does not go with the expression.
        NotBuilt: a method that is not offered.
    """
    expression = item.expression
    position = expression.position
    if item.method is None:
        if not isinstance(expression, Path) or not isinstance(expression.segments[-1], Count):
            raise ClauseFault("There are no custom aggregates here: say 'with' and a method.", position)
        if len(expression.segments) > 1 or expression.segments[-1] != Count():
            raise NotBuilt("Counting what is inside of the rows is not offered in aggregate.", position=position)
        return Aggregation(Method.COUNT, None, Primitive.INT64)
    method = _METHODS.get(item.method)
    if method is None:
        raise NotBuilt(f"The aggregation method '{item.method[:200]}' is not offered.", position=position)
    bound = operands.folded(conditions.value(expression)) if operand is None else operand
    kind = _result(method, bound.type)
    if kind is None:
        raise ClauseFault(f"'{method.value}' does not work on '{type_name(bound.type)}'.", position)
    return Aggregation(method, bound, kind)


def _result(method: Method, kind: ScalarType | None) -> ScalarType | None:
    """The type of an aggregate; `None`: there is none of such values."""
    match method:
        case Method.COUNT_DISTINCT | Method.COUNT:
            return Primitive.INT64
        case Method.MIN | Method.MAX:
            return None if kind in (Primitive.BINARY, Primitive.BOOLEAN) else kind
        case Method.SUM if kind in INTEGERS:
            return Primitive.INT64
        case Method.AVERAGE if kind in INTEGERS:
            return Primitive.DOUBLE
        case _:
            return Primitive.DOUBLE if kind is Primitive.SINGLE else kind if kind in NUMBERS else None
