"""Options of a collection inside of `$select`: which of its items are shown (URL conventions 4.01 §5.1.4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

from enrollscope.odata.binding.conditions import Conditions
from enrollscope.odata.binding.operands import Operands
from enrollscope.odata.binding.rows import Many, Structure
from enrollscope.odata.binding.searching import mentions
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.clauses import (
    AliasOption,
    ApplyOption,
    ComputeOption,
    CountOption,
    CustomOption,
    ExpandOption,
    FilterOption,
    NumberOption,
    Option,
    OrderByOption,
    SearchOption,
    SelectOption,
    TextOption,
)
from enrollscope.odata.grammar.expr import ComputeItem, Expr, OrderByItem, Search
from enrollscope.odata.plan.bound import Bound, Combine, Inside, Logic, Size
from enrollscope.odata.plan.queries import Order, Positions
from enrollscope.odata.plan.requests import Picked, Shown


@dataclass(slots=True)
class _Given:
    """The options of one collection, each by its name."""

    aliases: Mapping[str, Expr]
    compute: tuple[ComputeItem, ...] = ()
    search: Search | None = None
    filter: Expr | None = None
    orderby: tuple[OrderByItem, ...] = ()
    count: bool = False
    skip: int | None = None
    top: int | None = None


class Picking:
    """Binds what one request picks out of collections.

    Args:
        start: how many computed values the rows have already.
        outermost: the options of the collection are those of the request.

    Attributes:
        computed: what rows need for it beside their record.
    """

    def __init__(self, conditions: Conditions, operands: Operands, start: int = 0, *, outermost: bool = False) -> None:
        self.computed: list[Bound | Positions] = []
        self._conditions = conditions
        self._operands = operands
        self._start = start
        self._outermost = outermost

    def pick(self, path: tuple[str, ...], many: Many, options: Sequence[Option]) -> Picked:
        """Understand the options of a collection.

        Args:
            path: names of properties, from the entity to the collection.

        Raises:
            ClauseFault: a name or type in them is wrong.
            NotBuilt: valid OData that is not offered.
        """
        self._operands.unshareable()
        given = _given(options)
        conditions = self._conditions
        with conditions.items(many, given.aliases) as (variable, item):
            self._enter("compute")
            for each in given.compute:
                before = conditions.nodes
                bound = conditions.computed_value(each.expression)
                conditions.compute(each.alias, bound, conditions.nodes - before)
            where = self._demanded(given, item)
            self._enter("orderby")
            order = tuple(Order(conditions.value(key.expression), key.descending) for key in given.orderby)
            computed = tuple(conditions.computed.values())
        skip, top = self._number(given.skip), self._number(given.top)
        values = tuple(each.bound for each in computed)
        return Picked(
            path,
            self._place(Positions(many.source, variable, where, order, skip, top, values)),
            self._place(Size(many.source, variable, where)) if given.count else None,
            tuple(Shown((each.name,), each.bound.type or Primitive.STRING, n) for n, each in enumerate(computed)),
        )

    def _demanded(self, given: _Given, item: Structure | Inside) -> Bound | None:
        self._enter("search")
        sought = None if given.search is None else mentions(given.search, [item], self._operands)
        self._enter("filter")
        if given.filter is None:
            return sought
        condition = self._conditions.condition(given.filter)
        return condition if sought is None else Combine(Logic.AND, sought, condition)

    def _enter(self, option: str) -> None:
        """Note what is being bound, for the words of a fault."""
        if self._outermost:
            self._operands.clause = option

    def _place(self, value: Bound | Positions) -> int:
        self.computed.append(value)
        return self._start + len(self.computed) - 1

    def _number(self, number: int | None) -> Bound | None:
        return None if number is None else self._operands.parameter(number, Primitive.INT64)


def _given(options: Sequence[Option]) -> _Given:
    given = _Given(aliases={item.name: item.value for item in options if isinstance(item, AliasOption)})
    for option in options:
        match option:
            case ComputeOption(items=computed):
                given.compute = computed
            case SearchOption(search=search):
                given.search = search
            case FilterOption(predicate=predicate):
                given.filter = predicate
            case OrderByOption(items=keys):
                given.orderby = keys
            case CountOption(value=value):
                given.count = value
            case NumberOption(name="skip", value=number):
                given.skip = number
            case NumberOption(name="top", value=number):
                given.top = number
            case SelectOption() | AliasOption():
                pass
            case ExpandOption() | ApplyOption() | NumberOption() | TextOption() | CustomOption():
                raise NotBuilt("An option of this kind is not offered for collections.", position=option.position)
            case _:
                assert_never(option)
    return given
