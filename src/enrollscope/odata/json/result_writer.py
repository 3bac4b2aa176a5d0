"""The rows that a grouping made → JSON-ready values (Data Aggregation 4.0 §3.1.2)."""

from collections.abc import Sequence
from typing import Any

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Property
from enrollscope.odata.json.property_writer import PropertyWriters, type_annotation
from enrollscope.odata.plan.requests import Shown
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, OmitValues


class ResultWriter:
    """Writes the results of one question. They have no identity, so nothing links to them.

    Args:
        results: what each row shows.
        omit: leave out what is null.
    """

    def __init__(
        self,
        results: Sequence[Shown],
        json_format: JsonFormat,
        *,
        include_unknown: bool = False,
        omit: OmitValues | None = None,
    ) -> None:
        writers = PropertyWriters(json_format, include_unknown=include_unknown)
        full = json_format.level is MetadataLevel.FULL
        self._omit = omit is not None
        self._annotation = f"{json_format.prefix}type"
        self._results = [
            (
                item.path,
                item.place,
                writers.of_computed(item.type),
                type_annotation(Property(item.path[-1], item.type), json_format.version) if full else "",
            )
            for item in results
        ]

    def write(self, row: Record) -> dict[str, Any]:
        """Write one row; values behind those shown do not matter."""
        found: dict[str, Any] = {}
        for path, place, convert, type_name in self._results:
            value = row[place]
            if value is None and self._omit:
                continue
            inner = found
            for name in path[:-1]:
                inner = inner.setdefault(name, {})
            if type_name and value is not None:
                inner[f"{path[-1]}{self._annotation}"] = type_name
            inner[path[-1]] = value if value is None or convert is None else convert(value)
        return found
