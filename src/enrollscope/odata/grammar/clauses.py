"""The query options of one resource, or of one nested clause of `$select` and `$expand`, as values."""

from dataclasses import dataclass, field

from enrollscope.odata.grammar.expr import ComputeItem, Expr, OrderByItem, Path, Search
from enrollscope.odata.grammar.transformations import Transformation


@dataclass(frozen=True, slots=True)
class SelectItem:
    """One item of `$select`, with the options in parentheses behind it."""

    path: Path
    options: tuple["Option", ...] = ()


@dataclass(frozen=True, slots=True)
class ExpandItem:
    """One item of `$expand`, with the options in parentheses behind it.

    The path may end in `$ref`, `$count`, `$value` or `*`.
    """

    path: Path
    options: tuple["Option", ...] = ()


@dataclass(frozen=True, slots=True)
class FilterOption:
    """`$filter`."""

    predicate: Expr
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class OrderByOption:
    """`$orderby`."""

    items: tuple[OrderByItem, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class SelectOption:
    """`$select`."""

    items: tuple[SelectItem, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ExpandOption:
    """`$expand`."""

    items: tuple[ExpandItem, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ComputeOption:
    """`$compute`."""

    items: tuple[ComputeItem, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class SearchOption:
    """`$search`."""

    search: Search
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ApplyOption:
    """`$apply`."""

    transformations: tuple[Transformation, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NumberOption:
    """`$top`, `$skip`, `$index` or `$levels`; `name` is without `$`, in lower case.

    Attributes:
        value: negative only for `index`, counting from the end; None is `$levels=max`.
    """

    name: str
    value: int | None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class CountOption:
    """`$count`."""

    value: bool
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TextOption:
    """An option of free text: `format`, `skiptoken`, `deltatoken`, `schemaversion`, `id`."""

    name: str
    text: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AliasOption:
    """`@name=value`, or an implicit parameter alias `name=value`; `name` is without the `@`."""

    name: str
    value: Expr
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class CustomOption:
    """An option the protocol does not know."""

    name: str
    value: str | None
    position: int = field(default=0, compare=False)


Option = (
    FilterOption
    | OrderByOption
    | SelectOption
    | ExpandOption
    | ComputeOption
    | SearchOption
    | ApplyOption
    | NumberOption
    | CountOption
    | TextOption
    | AliasOption
    | CustomOption
)
