"""The rows that a query is asked of, in SQL: those of a table, or what the steps of the query make of them.

Each step that cannot be said in the same SELECT as what came before puts that into a subquery. Subqueries of entities
have the columns of the table, so that expressions read both alike; rows of a grouping have one column a field.
"""

from collections.abc import Iterable, Sequence
from typing import Any, assert_never

from sqlalchemy import FromClause, Select, Table, bindparam, func, null, select

from enrollscope.odata.bound import Bound, Column, Field
from enrollscope.odata.edm import Primitive
from enrollscope.odata.layout import Layout
from enrollscope.odata.plan import Aggregation, Cut, Group, Keep, Order, Rank, Step, Until
from enrollscope.store.dialects import Dialect, Sql
from enrollscope.store.expressions import Expressions, field_name
from enrollscope.store.schema import TEXT


class Rows:
    """The rows of one tenant, step by step."""

    def __init__(self, layout: Layout, table: Table, dialect: Dialect) -> None:
        self.expressions = Expressions(layout, table, dialect)
        self._layout = layout
        self._table = table
        self._dialect = dialect
        self._from: FromClause = table
        self._names: tuple[str, ...] = layout.names
        self._conditions: list[Sql] = [table.c.tenant_id == bindparam("odata_tenant", type_=TEXT)]

    @property
    def columns(self) -> list[Sql]:
        """What makes up a row: of entities a record, of a grouping its fields."""
        return [self._from.c[name] for name in self._names]

    def select(self, *columns: Sql) -> Select[Any]:
        """The statement over these rows."""
        return select(*columns).select_from(self._from).where(*self._conditions)

    def take(self, steps: Iterable[Step]) -> None:
        """Go through the steps of a query."""
        for step in steps:
            match step:
                case Keep(where=where):
                    self._conditions.append(self.expressions.holds(where))
                case Group():
                    self._group(step)
                case Cut():
                    self._cut(step)
                case Rank():
                    self._rank(step)
                case _:
                    assert_never(step)

    def _go_on_from(self, statement: Select[Any], names: tuple[str, ...]) -> None:
        self._from = statement.subquery()
        self._names = names
        self._conditions = []
        self.expressions = Expressions(self._layout, self._table, self._dialect, self._from)

    def _ordered(self, order: Sequence[Order]) -> list[Any]:
        return [
            self._dialect.ordered(self.expressions.comparable(key.expression), descending=key.descending)
            for key in order
        ]

    def _cut(self, step: Cut) -> None:
        statement = self.select(*self.columns).order_by(*self._ordered(step.order))
        if step.top is not None:
            statement = statement.limit(self.expressions.value(step.top))
        if step.skip is not None:
            statement = statement.offset(self.expressions.value(step.skip))
        self._go_on_from(statement, self._names)

    def _rank(self, step: Rank) -> None:
        """Rows as long as those before them have not come to the amount yet."""
        value = self._double(step.order[0].expression)
        order = self._ordered(step.order)
        running = func.sum(value).over(order_by=order, rows=(None, 0))
        statement = self.select(
            *self.columns, (running - value).label("rank_before"), func.sum(value).over().label("rank_total")
        ).where(value.is_not(null()))
        amount = self._double(step.amount)
        self._go_on_from(statement, self._names)
        limit = amount if step.until is Until.SUM else self._from.c.rank_total * amount / 100.0
        self._conditions = [self._from.c.rank_before < limit]

    def _double(self, bound: Bound) -> Sql:
        kind = bound.type
        if not isinstance(kind, Primitive):
            raise TypeError(f"{kind} is no number")
        return self._dialect.promoted(self.expressions.value(bound), kind, Primitive.DOUBLE)

    def _group(self, step: Group) -> None:
        keys: Sequence[Bound] = step.keys
        aggregates = step.aggregates
        if not all(isinstance(key, Column | Field) for key in keys):
            keys, aggregates = self._laid_out(step)
        grouped = [self.expressions.comparable(key) for key in keys]
        shown: list[Sql] = [
            # Decimals that are equal need not be spelt alike.
            func.min(self.expressions.value(key)) if key.type is Primitive.DECIMAL else column
            for key, column in zip(keys, grouped, strict=True)
        ]
        shown += [self._aggregate(item) for item in aggregates]
        names = tuple(field_name(index) for index in range(len(shown)))
        statement = self.select(*(item.label(name) for item, name in zip(shown, names, strict=True)))
        self._go_on_from(statement.group_by(*grouped), names)

    def _laid_out(self, step: Group) -> tuple[Sequence[Bound], tuple[Aggregation, ...]]:
        """Make a column of each value that a grouping needs, so that it says no expression twice."""
        bounds = [*step.keys, *(item.operand for item in step.aggregates if item.operand is not None)]
        names = tuple(field_name(index) for index in range(len(bounds)))
        values = [self.expressions.value(bound).label(name) for bound, name in zip(bounds, names, strict=True)]
        self._go_on_from(self.select(*values), names)
        fields = iter([Field(index, bound.type or Primitive.STRING) for index, bound in enumerate(bounds)])
        keys = [next(fields) for _ in step.keys]
        aggregates = tuple(
            item if item.operand is None else Aggregation(item.method, next(fields), item.type)
            for item in step.aggregates
        )
        return keys, aggregates

    def _aggregate(self, item: Aggregation) -> Sql:
        if item.operand is None:
            return self._dialect.aggregate(item.method, item.type, null())
        kind = item.operand.type or Primitive.STRING
        return self._dialect.aggregate(item.method, kind, self.expressions.value(item.operand))
