"""What `$apply` says, as values (Data Aggregation 4.0): a sequence of transformations is a tuple of these nodes."""

from dataclasses import dataclass
from typing import Literal as OneOf

from enrollscope.odata.grammar.expr import AggregateItem, ComputeItem, Expr, OrderByItem, Path, Qualified, Search


@dataclass(frozen=True, slots=True)
class HierarchyReference:
    """The recursive hierarchy a transformation works on: its nodes, the annotation's qualifier, the node property."""

    root: Path
    qualifier: str
    node: Path


@dataclass(frozen=True, slots=True)
class Rollup:
    """`rollup(…)`: grouping properties, from the coarsest on, or the qualifier of a leveled hierarchy."""

    levels: tuple[Path, ...] | str


@dataclass(frozen=True, slots=True)
class RollupRecursive:
    """`rolluprecursive(…)`."""

    hierarchy: HierarchyReference
    steps: tuple["Transformation", ...]


GroupingElement = Path | Rollup | RollupRecursive


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`aggregate(…)`."""

    items: tuple[AggregateItem, ...]


@dataclass(frozen=True, slots=True)
class Compute:
    """`compute(…)`."""

    items: tuple[ComputeItem, ...]


@dataclass(frozen=True, slots=True)
class Concat:
    """`concat(…)`: the results of several sequences, one after the other."""

    sequences: tuple[tuple["Transformation", ...], ...]


@dataclass(frozen=True, slots=True)
class GroupBy:
    """`groupby((…),…)`; no steps means the distinct combinations alone."""

    elements: tuple[GroupingElement, ...]
    steps: tuple["Transformation", ...] = ()


@dataclass(frozen=True, slots=True)
class Filter:
    """`filter(…)`."""

    predicate: Expr


@dataclass(frozen=True, slots=True)
class SearchStep:
    """`search(…)`."""

    search: Search


@dataclass(frozen=True, slots=True)
class OrderBy:
    """`orderby(…)`."""

    items: tuple[OrderByItem, ...]


@dataclass(frozen=True, slots=True)
class Window:
    """`top(n)` or `skip(n)`."""

    kind: OneOf["top", "skip"]
    count: int


@dataclass(frozen=True, slots=True)
class Ranking:
    """`topcount`, `toppercent`, `topsum` and the three of the bottom: how much, by what."""

    kind: OneOf["topcount", "toppercent", "topsum", "bottomcount", "bottompercent", "bottomsum"]
    amount: Expr
    value: Expr


@dataclass(frozen=True, slots=True)
class Identity:
    """`identity`."""


@dataclass(frozen=True, slots=True)
class Nest:
    """`nest(…)`, or `addnested(path,…)`; each sequence has the alias its result gets."""

    path: Path | None
    items: tuple[tuple[tuple["Transformation", ...], str], ...]


@dataclass(frozen=True, slots=True)
class Join:
    """`join(…)` and `outerjoin(…)`."""

    outer: bool
    path: Path
    alias: str
    steps: tuple["Transformation", ...] = ()


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """`ancestors(…)` and `descendants(…)`; `distance` None means any."""

    kind: OneOf["ancestors", "descendants"]
    reference: HierarchyReference
    start: tuple["Transformation", ...]
    distance: int | None = None
    keep_start: bool = False


@dataclass(frozen=True, slots=True)
class Traverse:
    """`traverse(…)`."""

    reference: HierarchyReference
    order: OneOf["preorder", "postorder"]
    start: tuple["Transformation", ...] = ()
    siblings: tuple[OrderByItem, ...] = ()


@dataclass(frozen=True, slots=True)
class Custom:
    """A function of the service as a transformation."""

    call: Qualified


Transformation = (
    Aggregate
    | Compute
    | Concat
    | GroupBy
    | Filter
    | SearchStep
    | OrderBy
    | Window
    | Ranking
    | Identity
    | Nest
    | Join
    | Hierarchy
    | Traverse
    | Custom
)
