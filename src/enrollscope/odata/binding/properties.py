"""Properties by themselves: what can be asked of one, and what the answer holds (protocol 4.01 §11.2.4)."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from enrollscope.odata.edm.literals import read_binary, write_number
from enrollscope.odata.edm.model import ComplexType, Primitive, Property
from enrollscope.odata.errors import NotBuilt, ResourceNotFound
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
from enrollscope.odata.json.property_writer import type_annotation
from enrollscope.odata.plan.requests import ReadProperty
from enrollscope.odata.protocol.capabilities import COUNT_OPTIONS, SELECTED_OPTIONS
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel

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


def property_context(plan: ReadProperty, key: str) -> str:
    """The fragment of the context URL: the entity, and the way to its property (contract §3.2)."""
    scope = plan.scope
    quoted = quote(key.replace("'", "''"), safe="")
    path = "/".join(item.name for item in plan.path)
    selected = f"({plan.written})" if plan.written else ""
    return f"{scope.context.removesuffix(scope.cast)}('{quoted}'){scope.cast}/{path}{selected}"


def property_value(entity: Mapping[str, Any], path: Sequence[Property]) -> Any:
    """What a written entity shows of a property.

    Raises:
        ResourceNotFound: it would be inside of a value that is null.
    """
    return _holder(entity, path).get(path[-1].name)


def property_body(
    entity: Mapping[str, Any], path: Sequence[Property], context: str, json_format: JsonFormat
) -> dict[str, Any] | None:
    """The body of an answer that is one property; `None`: it is null.

    Raises:
        ResourceNotFound: it would be inside of a value that is null.
    """
    item, prefix = path[-1], json_format.prefix
    holder = _holder(entity, path)
    value = holder.get(item.name)
    if value is None:
        return None
    body: dict[str, Any] = {}
    if json_format.level is not MetadataLevel.NONE:
        body[f"{prefix}context"] = context
    if isinstance(value, dict):
        return body | value
    typed = type_annotation(item, json_format.version)
    if typed and json_format.level is MetadataLevel.FULL:
        body[f"{prefix}type"] = typed
    if (count := holder.get(f"{item.name}{prefix}count")) is not None:
        body[f"{prefix}count"] = count
    body["value"] = value
    return body


def raw_value(item: Property, value: Any) -> tuple[bytes, str]:
    """A value that is not null as it stands behind `/$value`, and its media type."""
    match value:
        case str() if item.type is Primitive.BINARY:
            return read_binary(value), "application/octet-stream"
        case str():
            text = value
        case bool():
            text = "true" if value else "false"
        case int():
            text = str(value)
        case _:
            text = write_number(value)
    return text.encode(), "text/plain;charset=utf-8"


def _holder(entity: Mapping[str, Any], path: Sequence[Property]) -> Mapping[str, Any]:
    holder: Mapping[str, Any] = entity
    for item in path[:-1]:
        inner = holder.get(item.name)
        if inner is None:
            raise ResourceNotFound(f"'{item.name}' is null, so there is no '{path[-1].name}' in it.")
        holder = inner
    return holder


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
