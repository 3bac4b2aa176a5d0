"""Names in SQL. Apart from what makes SQL of them, because importing SQLAlchemy takes 0.5 s."""

from collections.abc import Mapping
from types import MappingProxyType

from enrollscope.odata.edm.model import Primitive

READERS: Mapping[Primitive, str] = MappingProxyType(
    {
        Primitive.BINARY: "binary",
        Primitive.BOOLEAN: "boolean",
        Primitive.DATE: "date",
        Primitive.DATE_TIME_OFFSET: "instant",
        Primitive.DECIMAL: "decimal",
        Primitive.DOUBLE: "double",
        Primitive.DURATION: "duration",
        Primitive.GUID: "guid",
        Primitive.INT64: "integer",
        Primitive.TIME_OF_DAY: "time",
    }
)
"""The functions that read a text as a literal of a type, `read_binary` and so on; null where it is none."""


def quoted(name: str) -> str:
    """An identifier in SQL; names come from the model, never from a client."""
    return '"' + name.replace('"', '""') + '"'


def field_name(index: int) -> str:
    """The column of a value that a grouping made."""
    return f"field_{index}"
