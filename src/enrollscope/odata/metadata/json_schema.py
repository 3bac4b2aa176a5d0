"""Types of a model as JSON Schema 2020-12: what answers look like, and what the bodies of writes may say.

Bodies are described more narrowly than they are read: control information and the spellings that are forgiven are left
out. What is described is taken.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any, TypeAlias, assert_never

from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Primitive, Property

Schema: TypeAlias = dict[str, Any]

_CONTROL_INFORMATION: Schema = {"@": {}}


class Use(Enum):
    """What a schema is for; the value ends the name of its component."""

    ANSWER = ""
    CREATE = ".create"
    UPDATE = ".update"


def _whole(bits: int, *, signed: bool = True) -> Schema:
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
    return {"type": "integer", "minimum": low, "maximum": high}


_FLOAT: Schema = {"anyOf": [{"type": "number"}, {"enum": ["INF", "-INF", "NaN"]}]}
_PRIMITIVES: Mapping[Primitive, Schema] = MappingProxyType(
    {
        Primitive.BINARY: {"type": "string", "format": "base64url"},
        Primitive.BOOLEAN: {"type": "boolean"},
        Primitive.BYTE: _whole(8, signed=False),
        Primitive.DATE: {"type": "string", "format": "date"},
        Primitive.DATE_TIME_OFFSET: {"type": "string", "format": "date-time"},
        # Strings where the client asks for IEEE754Compatible.
        Primitive.DECIMAL: {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}]},
        Primitive.DOUBLE: _FLOAT,
        Primitive.DURATION: {"type": "string", "format": "duration"},
        Primitive.GUID: {"type": "string", "format": "uuid"},
        Primitive.INT16: _whole(16),
        Primitive.INT32: _whole(32),
        Primitive.INT64: {"anyOf": [_whole(64), {"type": "string", "pattern": "^-?[0-9]{1,18}$"}]},
        Primitive.SBYTE: _whole(8),
        Primitive.SINGLE: _FLOAT,
        Primitive.STRING: {"type": "string"},
        Primitive.TIME_OF_DAY: {"type": "string", "pattern": r"^[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\.[0-9]{1,7})?$"},
    }
)
# What PostgreSQL cannot keep is not taken.
_WRITTEN_STRING: Schema = {"type": "string", "pattern": r"^[^\u0000]*$"}


def reference(name: str) -> Schema:
    """Point to a component."""
    return {"$ref": f"#/components/schemas/{name}"}


def component_name(kind: EntityType | ComplexType, use: Use, omitted: str | None = None) -> str:
    """The name of the component that describes a type, without the property `omitted` if there is one."""
    return f"{kind.name_in_model}{use.value}{'' if omitted is None else f'.without.{omitted}'}"


def entity_schema(entity: EntityType, use: Use, omitted: str | None = None) -> Schema:
    """Describe an entity.

    Args:
        omitted: the property that the path fills in.
    """
    type_names = [f"#{entity.name_in_model}"]
    properties: Schema = {"@odata.type": {"type": "string", "enum": type_names}}
    required = []
    for item in entity.all_properties:
        if use is Use.ANSWER:
            properties[item.name] = property_schema(item, use)
        elif (
            not item.computed and item.name != omitted and (use is Use.CREATE or item.name != entity.key_property.name)
        ):
            properties[item.name] = property_schema(item, use)
            if use is Use.CREATE and item.default is None and not (item.nullable or item.collection):
                required.append(item.name)
    content: Schema = {"title": entity.name, "type": "object"}
    if entity.description:
        content["description"] = entity.description
    content |= {"properties": properties, "additionalProperties": False}
    if use is Use.ANSWER:
        content["patternProperties"] = _CONTROL_INFORMATION
    if required:
        content["required"] = required
    return content


def complex_schema(kind: ComplexType, use: Use) -> Schema:
    """Describe a complex value."""
    content: Schema = {
        "title": kind.name,
        "type": "object",
        "properties": {item.name: property_schema(item, use) for item in kind.properties},
        "additionalProperties": False,
    }
    if kind.description:
        content["description"] = kind.description
    if use is Use.ANSWER:
        content["patternProperties"] = _CONTROL_INFORMATION
    elif use is Use.CREATE:
        required = [
            item.name
            for item in kind.properties
            if item.default is None and not (item.nullable or item.collection or item.computed)
        ]
        content |= {"required": required} if required else {}
    return content


def property_schema(item: Property, use: Use) -> Schema:
    """Describe the value of a property."""
    # The items of a collection are always new, also where the rest of a body changes what there is.
    inner = Use.CREATE if item.collection and use is Use.UPDATE else use
    content = _value_schema(item, inner)
    if item.collection:
        content = {"type": "array", "items": content}
    return content | ({"description": item.description} if item.description else {})


def _value_schema(item: Property, use: Use) -> Schema:
    match item.type:
        case Primitive.STRING if use is not Use.ANSWER:
            content = _WRITTEN_STRING
        case Primitive():
            content = _PRIMITIVES[item.type]
        case EnumType():
            content = {"type": "string", "enum": _members(item.type, use)}
        case ComplexType():
            content = reference(component_name(item.type, use))
        case _:
            assert_never(item.type)
    return _or_null(content) if item.nullable else dict(content)


def _members(kind: EnumType, use: Use) -> list[str | None]:
    """The sentinel says that there is something to hide: nothing begins so (contract §3.6)."""
    return [member.name for member in kind.members if use is not Use.CREATE or member.name != kind.sentinel]


def _or_null(content: Schema) -> Schema:
    if "enum" in content and "type" in content:
        return {"type": [content["type"], "null"], "enum": [*content["enum"], None]}
    if isinstance(content.get("type"), str):
        return content | {"type": [content["type"], "null"]}
    return {"anyOf": [content, {"type": "null"}]}
