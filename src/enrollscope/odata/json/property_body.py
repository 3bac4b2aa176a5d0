"""Properties by themselves: what the answer holds (protocol 4.01 §11.2.4)."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from enrollscope.odata.edm.literals import read_binary, write_number
from enrollscope.odata.edm.model import Primitive, Property
from enrollscope.odata.errors import ResourceNotFound
from enrollscope.odata.json.property_writer import type_annotation
from enrollscope.odata.plan.requests import ReadProperty
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel


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
