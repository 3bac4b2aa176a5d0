"""Properties by themselves: what can be asked of one (protocol 4.01 §11.2.4)."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from enrollscope.odata.edm.model import ComplexType, Property
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.clauses import (
    ComputeOption,
    CountOption,
    FilterOption,
    NumberOption,
    Option,
    OrderByOption,
    SearchOption,
    SelectItem,
    SelectOption,
)
from enrollscope.odata.grammar.expr import Name, Path
from enrollscope.odata.grammar.options import Options
from enrollscope.odata.protocol.capabilities import COUNT_OPTIONS, SELECTED_OPTIONS

_FORMAT = frozenset({"format"})
_OF_VALUES: frozenset[str] = frozenset()
_OF_COUNTS = COUNT_OPTIONS & SELECTED_OPTIONS
_OF_STRUCTURES = _FORMAT | {"select"}
_OF_COLLECTIONS = _FORMAT | SELECTED_OPTIONS


def options_of_property(item: Property, tail: str) -> frozenset[str]:
    """The query options that a property takes, or what stands behind it."""
    match tail:
        case "$value":
            return _OF_VALUES
        case "$count":
            return _OF_COUNTS
        case _:
            if item.collection:
                return _OF_COLLECTIONS
            return _OF_STRUCTURES if isinstance(item.type, ComplexType) else _FORMAT


def refuse_unbuilt(item: Property, options: Options) -> None:
    """Refuse options that OData has for a property, and this service not.

    Raises:
        NotBuilt: there is one.
    """
    structured = item.collection or isinstance(item.type, ComplexType)
    for name in options.texts:
        if (name == "apply" and item.collection) or (name == "compute" and structured and not item.collection):
            raise NotBuilt(f"The query option ${name} is not offered for '{item.name}' by itself.", target=f"${name}")


def selected_property(names: Sequence[str], options: Options) -> SelectItem:
    """A request for one property as an item of a select list, with its options in parentheses behind it.

    Raises:
        SyntaxFault: an option cannot be read.
    """
    found: list[Option] = []
    for name in options.texts.keys() & _OPTIONS.keys():
        found += _OPTIONS[name](options)
    return SelectItem(Path(tuple(Name(name, None, 0) for name in names), 0), tuple(found))


def _filter(options: Options) -> list[Option]:
    predicate = options.filter()
    return [] if predicate is None else [FilterOption(predicate)]


def _search(options: Options) -> list[Option]:
    search = options.search()
    return [] if search is None else [SearchOption(search)]


_OPTIONS: Mapping[str, Callable[[Options], list[Option]]] = MappingProxyType(
    {
        "compute": lambda options: [ComputeOption(options.compute())],
        "search": _search,
        "filter": _filter,
        "orderby": lambda options: [OrderByOption(options.orderby())],
        "count": lambda options: [CountOption(options.count())],
        "skip": lambda options: [NumberOption("skip", options.skip())],
        "top": lambda options: [NumberOption("top", options.top())],
        "select": lambda options: [SelectOption(options.select())],
    }
)
