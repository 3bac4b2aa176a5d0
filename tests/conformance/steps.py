"""Hypothesis strategies for the steps of a query, and the plain evaluator that says what they come to."""

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import Bound, Cast, Column, Compare, Comparison, Field, Null, Parameter, ScalarType
from enrollscope.odata.plan.queries import Aggregation, Cut, Group, Keep, Method, Order, Rank, Step, Until
from tests.conformance.library import GENRE
from tests.conformance.oracle import SPANS, Oracle, Undefined
from tests.conformance.questions import LISTED, VALUES, Asking

CODE = Column("code", Primitive.STRING)
PAGES = Column("pages", Primitive.INT32)
PRICE = Column("price", Primitive.DECIMAL)
PRINTED = Column("printed", Primitive.INT64)


class Taking:
    """Goes through steps in plain Python."""

    def __init__(self, oracle: Oracle) -> None:
        self.oracle = oracle

    def take(self, steps: Sequence[Step], rows: list[Record]) -> list[Record]:
        """What steps make of rows."""
        for step in steps:
            rows = self._step(step, rows)
        return rows

    def _step(self, step: Step, rows: list[Record]) -> list[Record]:
        match step:
            case Keep(where=where):
                return self.oracle.matching(where, rows)
            case Cut(order=order, skip=skip, top=top):
                start = 0 if skip is None else self._number(skip)
                ordered = self.oracle.ordered(order, rows)[start:]
                return ordered if top is None else ordered[: self._number(top)]
            case Rank():
                return self._rank(step, rows)
            case Group(keys=keys, aggregates=aggregates):
                groups: dict[tuple[Any, ...], list[Record]] = {} if keys else {(): []}
                for row in rows:
                    groups.setdefault(tuple(self.oracle.value(key, row) for key in keys), []).append(row)
                return [
                    (*key, *(self._aggregate(item, members) for item in aggregates)) for key, members in groups.items()
                ]

    def _number(self, bound: Bound) -> int:
        return int(self.oracle.value(bound, ()))

    def _rank(self, step: Rank, rows: list[Record]) -> list[Record]:
        value = step.order[0].expression
        ranked = [row for row in self.oracle.ordered(step.order, rows) if self.oracle.value(value, row) is not None]
        amount = float(self.oracle.value(step.amount, ()))
        total = sum(self.oracle.value(value, row) for row in ranked)
        limit = amount if step.until is Until.SUM else total * amount / 100.0
        found: list[Record] = []
        before = 0.0
        for row in ranked:
            if before < limit:
                found.append(row)
            before += self.oracle.value(value, row)
        return found

    def _aggregate(self, item: Aggregation, rows: list[Record]) -> Any:
        if item.operand is None:
            return len(rows)
        values = [value for row in rows if (value := self.oracle.value(item.operand, row)) is not None]
        match item.method:
            case Method.COUNT_DISTINCT:
                return len(set(values))
            case _ if not values:
                return None
            case Method.MIN:
                return min(values)
            case Method.MAX:
                return max(values)
            case Method.SUM:
                return _sum(values, item.type)
            case _:
                return _sum(values, item.type) / len(values)


def _sum(values: list[Any], kind: ScalarType) -> Any:
    total = sum(values)
    if kind is Primitive.INT64 and not SPANS[kind][0] <= total <= SPANS[kind][1]:
        raise Undefined
    return total


def same(found: Any, expected: Any, kind: ScalarType) -> bool:
    """Whether a store's value is that of the evaluator; averages to many digits."""
    if found is None or expected is None:
        return found is expected
    if kind is Primitive.DECIMAL:
        return bool(abs(Decimal(found) - expected) <= abs(expected) * Decimal("1e-25"))
    if isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-12)
    return bool(found == expected)


class Stepping(Asking):
    """Builds steps; afterwards `row` says what the rows have."""

    def __init__(self, draw: st.DrawFn) -> None:
        super().__init__(draw)
        self.row: tuple[ScalarType, ...] | None = None
        self.identity: tuple[Bound, ...] = (CODE,)
        self.steps: list[Step] = []

    def build(self) -> None:
        """Steps over entities, perhaps a grouping, and steps over what it made."""
        for _ in range(self.draw(st.integers(0, 2))):
            self.steps.append(self.draw(st.sampled_from((self._keep, self._cut, self._rank)))())
        for _ in range(self.draw(st.integers(0, 2))):
            self.steps.append(self._group())
            if self.draw(st.booleans()):
                self.steps.append(self.draw(st.sampled_from((self._keep, self._cut)))())

    def order(self) -> tuple[Order, ...]:
        """A total order of the rows as they are."""
        keys = [Order(self._any(), self.draw(st.booleans())) for _ in range(self.draw(st.integers(0, 1)))]
        return (*keys, *(Order(each, self.draw(st.booleans())) for each in self.identity))

    def _any(self) -> Bound:
        if self.row is None:
            return self.value(self.draw(st.sampled_from([*LISTED, GENRE])), 1)
        index = self.draw(st.integers(0, len(self.row) - 1))
        return Field(index, self.row[index])

    def _keep(self) -> Step:
        if self.row is None:
            return Keep(self.condition(2))
        field = self._any()
        other: Bound = Null(field.type)
        kind = field.type
        if kind is not None and kind in VALUES and self.draw(st.booleans()):
            other = self.parameter(kind)
        return Keep(Compare(self.draw(st.sampled_from(Comparison)), field, other))

    def _amount(self, most: int) -> Bound:
        self.parameters.append(self.draw(st.integers(0, most)))
        return Parameter(len(self.parameters) - 1, Primitive.INT64)

    def _cut(self) -> Step:
        skip = self._amount(3) if self.draw(st.booleans()) else None
        return Cut(self.order(), skip, self._amount(5) if self.draw(st.booleans()) else None)

    def _rank(self) -> Step:
        order = (Order(PAGES, self.draw(st.booleans())), *(Order(each) for each in self.identity))
        return Rank(self.draw(st.sampled_from(Until)), order, self._amount(120))

    def _group(self) -> Step:
        keys = tuple(self._any() for _ in range(self.draw(st.integers(0, 2))))
        aggregates = tuple(self._aggregation() for _ in range(self.draw(st.integers(0 if keys else 1, 3))))
        kinds = [key.type or Primitive.STRING for key in keys]
        self.row = (*kinds, *(item.type for item in aggregates))
        self.identity = tuple(Field(index, kind) for index, kind in enumerate(kinds))
        return Group(keys, aggregates)

    def _aggregation(self) -> Aggregation:
        method = self.draw(st.sampled_from(Method))
        match method:
            case Method.COUNT:
                return Aggregation(method, None, Primitive.INT64)
            case Method.COUNT_DISTINCT:
                return Aggregation(method, self._any(), Primitive.INT64)
            case Method.MIN | Method.MAX:
                operand = self._any()
                return Aggregation(method, operand, operand.type or Primitive.STRING)
            case _:
                return self._total(method)

    def _total(self, method: Method) -> Aggregation:
        """Sums and averages of what adds up alike in any order."""
        if self.row is not None:
            return Aggregation(Method.COUNT, None, Primitive.INT64)
        double = Primitive.DOUBLE
        choices: list[tuple[Bound, ScalarType]] = [(PRICE, Primitive.DECIMAL), (Cast(PAGES, double), double)]
        if method is Method.SUM:
            choices += [(PAGES, Primitive.INT64), (PRINTED, Primitive.INT64)]
        else:
            choices.append((PAGES, double))
        operand, kind = self.draw(st.sampled_from(choices))
        return Aggregation(method, operand, kind)


@st.composite
def stepped(draw: st.DrawFn) -> Stepping:
    """Steps, what their rows have, and their parameters."""
    stepping = Stepping(draw)
    stepping.build()
    return stepping
