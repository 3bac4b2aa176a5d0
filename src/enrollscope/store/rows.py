"""The rows that a query is asked of, in SQL: those of a table, or what the steps of the query make of them.

Each step that cannot be said in the same SELECT as what came before puts that into a subquery. Subqueries of entities
have the columns of the table, so that expressions read both alike; rows of a grouping have one column a field.

A grouping stays in the SELECT of its page. Its groups come out in the order of its keys, which is the order of the page
unless another is asked for: then the first of many groups cost no more than the rows they are made of.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from sqlalchemy import Select, Table, bindparam, func, null, select

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import Bound, Column, Field
from enrollscope.odata.plan.queries import Aggregation, Cut, Group, Keep, Order, Rank, Step, Until
from enrollscope.store.dialects import Dialect, Sql
from enrollscope.store.expressions import Expressions
from enrollscope.store.index_reading import Lookup, Reading
from enrollscope.store.names import field_name
from enrollscope.store.schema import TEXT
from enrollscope.store.searching import Strings


def _of_tenant(table: Table) -> Sql:
    return table.c.tenant_id == bindparam("odata_tenant", type_=TEXT)


class Rows:
    """The rows of one tenant, step by step.

    Args:
        lookup: the index table of the set, where there is one, and how it is read.
    """

    def __init__(
        self, layout: Layout, table: Table, dialect: Dialect, lookup: tuple[Lookup, Reading] | None = None
    ) -> None:
        columns: dict[str, Sql] = dict(table.c.items())
        self._layout = layout
        self._table = table
        self._dialect = dialect
        base: Select[Any] = select()
        strings: Strings | None = None
        match lookup:
            case (index, Reading.ALONE):
                columns = index.columns
                base = base.select_from(index.table).where(*index.of_tenant)
            case (index, reading):
                strings = Strings(layout, table, index)
                base = base.select_from(table).where(_of_tenant(table))
                if reading is Reading.BESIDE:
                    columns = columns | index.columns
                    base = base.where(*index.belongs_to(table))
            case None:
                base = base.select_from(table).where(_of_tenant(table))
        self.expressions = Expressions(layout, table, dialect, columns, strings)
        self._base = base
        self._columns: Mapping[str, Sql] = columns
        self._names: tuple[str, ...] = layout.names
        self._grouped = False

    @property
    def columns(self) -> list[Sql]:
        """What makes up a row: of entities a record, of a grouping its fields."""
        return [self._columns[name] for name in self._names]

    def keep(self, condition: Sql) -> None:
        """Have only the rows for which a condition in terms of `expressions` is true."""
        self._base = self._base.having(condition) if self._grouped else self._base.where(condition)

    def select(self, *columns: Sql) -> Select[Any]:
        """The statement over these rows."""
        return self._base.with_only_columns(*columns)

    def count(self) -> Select[Any]:
        """The statement for how many rows there are."""
        self._settle()
        return self.select(func.count())

    def take(self, steps: Iterable[Step]) -> None:
        """Go through the steps of a query."""
        for step in steps:
            match step:
                case Keep(where=where):
                    self.keep(self.expressions.holds(where))
                case Group():
                    self._group(step)
                case Cut():
                    self._cut(step)
                case Rank():
                    self._rank(step)
                case _:
                    assert_never(step)

    def _go_on_from(self, statement: Select[Any], names: tuple[str, ...]) -> None:
        rows = statement.subquery()
        self._base = select().select_from(rows)
        self._go_on_with(dict(rows.c.items()), names, grouped=False)

    def _go_on_with(self, columns: Mapping[str, Sql], names: tuple[str, ...], *, grouped: bool) -> None:
        self._columns = columns
        self._names = names
        self._grouped = grouped
        self.expressions = Expressions(self._layout, self._table, self._dialect, columns)

    def _settle(self) -> None:
        """Put a grouping into a subquery, for what cannot be said beside it."""
        if self._grouped:
            self._go_on_from(self.select(*(column.label(name) for name, column in self._columns.items())), self._names)

    def _ordered(self, order: Sequence[Order]) -> list[Any]:
        return [
            self._dialect.ordered(self.expressions.comparable(key.expression), descending=key.descending)
            for key in order
        ]

    def _cut(self, step: Cut) -> None:
        self._settle()
        statement = self.select(*self.columns).order_by(*self._ordered(step.order))
        if step.top is not None:
            statement = statement.limit(self.expressions.value(step.top))
        if step.skip is not None:
            statement = statement.offset(self.expressions.value(step.skip))
        self._go_on_from(statement, self._names)

    def _rank(self, step: Rank) -> None:
        """Rows as long as those before them have not come to the amount yet."""
        self._settle()
        value = self._double(step.order[0].expression)
        order = self._ordered(step.order)
        running = func.sum(value).over(order_by=order, rows=(None, 0))
        statement = self.select(
            *self.columns, (running - value).label("rank_before"), func.sum(value).over().label("rank_total")
        ).where(value.is_not(null()))
        amount = self._double(step.amount)
        self._go_on_from(statement, self._names)
        limit = amount if step.until is Until.SUM else self._columns["rank_total"] * amount / 100.0
        self.keep(self._columns["rank_before"] < limit)

    def _double(self, bound: Bound) -> Sql:
        kind = bound.type
        if not isinstance(kind, Primitive):
            raise TypeError(f"{kind} is no number")
        return self._dialect.promoted(self.expressions.value(bound), kind, Primitive.DOUBLE)

    def _group(self, step: Group) -> None:
        self._settle()
        keys: Sequence[Bound] = step.keys
        aggregates = step.aggregates
        operands = [item.operand for item in aggregates if item.operand is not None]
        if not all(isinstance(bound, Column | Field) for bound in (*keys, *operands)):
            keys, aggregates = self._laid_out(keys, aggregates)
        grouped = [self.expressions.comparable(key) for key in keys]
        shown: list[Sql] = [
            # Decimals that are equal need not be spelt alike.
            func.min(self.expressions.value(key)) if key.type is Primitive.DECIMAL else column
            for key, column in zip(keys, grouped, strict=True)
        ]
        shown += [self._aggregate(item) for item in aggregates]
        names = tuple(field_name(index) for index in range(len(shown)))
        self._base = self._base.group_by(*grouped)
        self._go_on_with(dict(zip(names, shown, strict=True)), names, grouped=True)
        if not keys:
            self._settle()

    def _laid_out(
        self, keys: Sequence[Bound], aggregates: Sequence[Aggregation]
    ) -> tuple[Sequence[Bound], tuple[Aggregation, ...]]:
        """Make a column of each value that a grouping needs, so that it says no expression twice."""
        bounds = tuple(dict.fromkeys((*keys, *(item.operand for item in aggregates if item.operand is not None))))
        names = tuple(field_name(index) for index in range(len(bounds)))
        values = [self.expressions.value(bound).label(name) for bound, name in zip(bounds, names, strict=True)]
        self._go_on_from(self.select(*values), names)
        fields = {bound: Field(index, bound.type or Primitive.STRING) for index, bound in enumerate(bounds)}
        return [fields[key] for key in keys], tuple(
            item if item.operand is None else Aggregation(item.method, fields[item.operand], item.type)
            for item in aggregates
        )

    def _aggregate(self, item: Aggregation) -> Sql:
        if item.operand is None:
            return self._dialect.aggregate(item.method, item.type, null())
        kind = item.operand.type or Primitive.STRING
        return self._dialect.aggregate(item.method, kind, self.expressions.value(item.operand))
