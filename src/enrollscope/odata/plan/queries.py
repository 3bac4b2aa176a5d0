"""Questions to a store, and its answers: a `Query` is the shape, `Paging` has the values that go with it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any, Self, TypeAlias

from enrollscope.odata.plan.bound import Bound, ScalarType, Source


@dataclass(frozen=True, slots=True)
class Order:
    """One key of an order. Null is lowest: first ascending, last descending (contract §4.4)."""

    expression: Bound
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Keep:
    """Only rows for which a condition is true."""

    where: Bound


class Method(Enum):
    """How many values become one (Data Aggregation 4.0 §3.1.3).

    Nulls are not among the values. Of no values, the counts are zero and everything else is null.
    """

    COUNT = "$count"
    SUM = "sum"
    MIN = "min"
    MAX = "max"
    AVERAGE = "average"
    COUNT_DISTINCT = "countdistinct"


@dataclass(frozen=True, slots=True)
class Aggregation:
    """One aggregate of a group.

    Attributes:
        operand: of the group's rows; `None` for a count of the rows themselves.
    """

    method: Method
    operand: Bound | None
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Group:
    """One row for each combination of keys, with aggregates; without keys one row in all, also of no rows.

    From here on `bound.Field` reads the rows: the keys first, then the aggregates.
    """

    keys: tuple[Bound, ...]
    aggregates: tuple[Aggregation, ...]


@dataclass(frozen=True, slots=True)
class Cut:
    """Rows `skip` to `skip + top` of an order; a missing `top` is all of the rest."""

    order: tuple[Order, ...]
    skip: Bound | None = None
    top: Bound | None = None


class Until(Enum):
    """How far a ranking goes: a sum of the values, or that share of the sum of all."""

    SUM = "sum"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Rank:
    """The fewest rows from the start of an order whose values come to an amount. Rows without a value are left out.

    Attributes:
        order: total; its first key is the value.
        amount: of the sum, or of a hundred.
    """

    until: Until
    order: tuple[Order, ...]
    amount: Bound


Step: TypeAlias = Keep | Group | Cut | Rank


@dataclass(frozen=True, slots=True)
class Positions:
    """Where some items of a collection stand in it, counted from 0, as the JSON text of an array. None: `[]` or null.

    Attributes:
        variable: the number by which the expressions know the item.
        where: the condition; `None` for all.
        order: not total; what is equal stays in the order of the collection.
        values: computed of each item. With any, each item of the array is an array of the position and the values.
    """

    source: Source
    variable: int
    where: Bound | None = None
    order: tuple[Order, ...] = ()
    skip: Bound | None = None
    top: Bound | None = None
    values: tuple[Bound, ...] = ()


@dataclass(frozen=True)
class Query:
    """The shape of a question to one stored set: hashable, with the literals outside (`odata.plan.bound`).

    Attributes:
        where: the condition; `None` for everything. Link and type conditions of the scope are part of it, or of the
            first step.
        order: total: the last key is the entity's own.
        resumed: whether `Paging.after` says where to go on.
        steps: what happens to the rows before `where` is asked.
        computed: further values of each row, which follow the record.
        shown: names of the properties that somebody looks at: the others may be null in the records; `None`: all are.
    """

    stored: str
    where: Bound | None
    order: tuple[Order, ...]
    resumed: bool = False
    steps: tuple[Step, ...] = ()
    computed: tuple[Bound | Positions, ...] = ()
    shown: frozenset[str] | None = None

    @cached_property
    def _hash(self) -> int:
        return hash((self.stored, self.where, self.order, self.resumed, self.steps, self.computed, self.shown))

    def __hash__(self) -> int:
        # Statements are looked up by their question, and the latest questions are kept: each is hashed in full once.
        return self._hash

    @property
    def width(self) -> int | None:
        """How many values a row has that a grouping made; `None`: the rows are records of entities."""
        for step in reversed(self.steps):
            if isinstance(step, Group):
                return len(step.keys) + len(step.aggregates)
        return None


@dataclass(frozen=True, slots=True)
class Paging:
    """The values that go with a `Query`.

    Attributes:
        parameters: the literals, at the indexes that `bound.Parameter` names.
        limit: how many records at most.
        skip: how many to leave out first.
        after: one value an order key, of the last record seen; what follows it, strictly, is wanted.
        total: also count what `where` matches, paging left aside.
        now: ticks, UTC: what `now()` gives; the same on every page of a question.
    """

    parameters: tuple[Any, ...]
    limit: int
    skip: int = 0
    after: tuple[Any, ...] = ()
    total: bool = False
    now: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """What a store answers to a `Query`.

    Attributes:
        columns: of the records (`edm.layout`), or of the rows of a grouping, then of the computed values, then of the
            order keys; all of one length. There is none where nothing matches.
        total: set when `Paging.total` asked for it.
    """

    columns: Sequence[Sequence[Any]] = ()
    total: int | None = None

    @classmethod
    def of(cls, rows: Iterable[Iterable[Any]], total: int | None = None) -> Self:
        """Make a page of rows, each with the values of all columns."""
        return cls(list(zip(*rows, strict=True)), total)

    @property
    def size(self) -> int:
        """How many rows there are."""
        return len(self.columns[0]) if self.columns else 0

    @property
    def records(self) -> list[tuple[Any, ...]]:
        """The rows, one by one."""
        return list(zip(*self.columns, strict=True))
