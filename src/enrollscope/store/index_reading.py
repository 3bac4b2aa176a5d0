"""How a query reads an index table: not at all, beside the rows in their order, or in place of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from sqlalchemy import Table, bindparam

from enrollscope.odata.edm.layout import HEAD, KEY, Layout
from enrollscope.odata.plan.bound import (
    Bound,
    Column,
    Combine,
    Compare,
    Comparison,
    Field,
    In,
    Logic,
    Not,
    Null,
    OfType,
    Parameter,
    SameText,
    TypeIs,
)
from enrollscope.odata.plan.queries import Group, Keep, Order, Query
from enrollscope.store.dialects import Sql
from enrollscope.store.index_table import IndexTable
from enrollscope.store.indexes import Indexed
from enrollscope.store.schema import TEXT, changing

_ENDS = frozenset((Comparison.GT, Comparison.GE, Comparison.LT, Comparison.LE))


class Reading(Enum):
    """Where the rows of a query come from."""

    ROWS = auto()
    """From the table of the set."""

    BESIDE = auto()
    """From both, by a value that is indexed apart: what both have is read, and sorted, from the index table."""

    ALONE = auto()
    """From the index table, which has all that the query needs."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """An index table in statements.

    Attributes:
        apart: the properties that have an index there.
        plain: the properties whose values it has.
    """

    form: IndexTable
    table: Table
    apart: frozenset[str]
    plain: frozenset[str]

    @classmethod
    def of(cls, layout: Layout, indexed: Indexed, tables: Mapping[str, Table]) -> "Lookup":
        """Of a stored set, among all tables."""
        form = IndexTable.of(layout, indexed)
        key = layout.root.key_property.name
        return cls(form, tables[form.name], frozenset(indexed.apart), frozenset((key, *indexed.order, *indexed.apart)))

    @property
    def columns(self) -> dict[str, Sql]:
        """Those that the rows have, too, by their names there."""
        return {name: self.table.c[name] for name in (HEAD[KEY], *self.form.plain)}

    @property
    def of_tenant(self) -> list[Sql]:
        """What keeps of the table one row for each row of the tenant: the part that has all `columns`."""
        return [self.table.c.tenant_id == bindparam("odata_tenant", type_=TEXT), changing(self.table)]

    def belongs_to(self, rows: Table) -> list[Sql]:
        """What joins it to the rows. Both name the tenant, so that a distributed database looks in one place."""
        return [*self.of_tenant, self.table.c.id == rows.c.id]

    def reading(self, query: Query, *, counted: bool) -> Reading:
        """The way for a query, or for the number of its rows."""
        if self._suffices(query, counted=counted):
            return Reading.ALONE
        conditions = [query.where, *(step.where for step in query.steps[:1] if isinstance(step, Keep))]
        led = any(self._finds(part) for condition in conditions if condition for part in _conjuncts(condition))
        return Reading.BESIDE if led else Reading.ROWS

    def _finds(self, condition: Bound) -> bool:
        """Whether its index leads to the rows that meet a condition."""
        match condition:
            case Compare(operator=Comparison.EQ, left=Column(property=name), right=Parameter() | Null()):
                return name in self.apart
            case In(operand=Column(property=name)):
                return name in self.apart
            case _:
                return False

    def _suffices(self, query: Query, *, counted: bool) -> bool:
        """Whether a value that is indexed here is all that is asked for, or how many rows have it."""
        needed: list[object] = []
        for step in query.steps:
            needed.append(step)
            if isinstance(step, Group):
                break
        else:
            if query.steps or not counted:
                return False
            needed.append(query.where)
        names = set(_properties(needed))
        return bool(names & self.apart) and names <= self.plain


def is_a_range(query: Query, indexed: Indexed, key: str) -> bool:
    """Whether a page is a range of one index, in its order: of time, or of one value that is indexed apart.

    Such a page has one good plan, whatever the values, and making that anew takes as long as to run it.

    Args:
        key: the key property.
    """
    if query.steps or query.computed or not _is_default(query.order, (*indexed.order, key)):
        return False
    conditions = list(_conjuncts(query.where)) if query.where else []
    values = [condition for condition in conditions if not _bounds(condition, indexed.order[0])]
    match values:
        case []:
            return True
        case [Compare(operator=Comparison.EQ, left=Column(property=name), right=Parameter())]:
            return name in indexed.apart
        case _:
            return False


def _is_default(order: Sequence[Order], names: Sequence[str]) -> bool:
    """Whether an order is by these properties, all of them one way."""
    keys = [each.expression.property if isinstance(each.expression, Column) else None for each in order]
    return keys == list(names) and len({each.descending for each in order}) == 1


def _bounds(condition: Bound, name: str) -> bool:
    """Whether a condition is one end of a range of a property."""
    match condition:
        case Compare(operator=operator, left=Column(property=bounded), right=Parameter()):
            return bounded == name and operator in _ENDS
        case _:
            return False


def _conjuncts(condition: Bound) -> Iterator[Bound]:
    while isinstance(condition, Combine) and condition.operator is Logic.AND:
        yield from _conjuncts(condition.right)
        condition = condition.left
    yield condition


def _properties(node: object) -> Iterator[str | None]:
    """The properties that something reads; `None` for what cannot be told."""
    match node:
        case Column(property=name):
            yield name
        case None | Parameter() | Null() | Field() | TypeIs():
            pass
        case Compare(left=left, right=right) | Combine(left=left, right=right) | SameText(left=left, right=right):
            yield from _properties((left, right))
        case Not(operand=operand) | OfType(operand=operand):
            yield from _properties(operand)
        case In(operand=operand, items=items):
            yield from _properties((operand, items))
        case Keep(where=where):
            yield from _properties(where)
        case Group(keys=keys, aggregates=aggregates):
            yield from _properties((keys, tuple(item.operand for item in aggregates)))
        case tuple() | list():
            for item in node:
                yield from _properties(item)
        case _:
            yield None
