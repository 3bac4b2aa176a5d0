"""Many events, straight into a store's tables: import over HTTP would measure something else."""

import random
import uuid
from pathlib import Path

import apsw

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.values import TICKS_PER_SECOND, Instant

TENANT = "ba53f291-0c6c-40a3-b4b8-3a6238a11a85"
_FIRST = Instant.parse("2017-01-01T00:00:00Z").ticks
_SPAN_SECONDS = 9 * 365 * 86_400
_REASONS = ("0x80180014", "UserNotLicensed", "DeviceCap", "0x801C0003", "AppleChallengeIssue", "UserAbandonment", None)
_SYSTEMS = (("Windows", "10.0.22631.4317"), ("iOS", "18.0"), ("Android", "14"), ("macOS", "15.1"))


def fill(store: Path, count: int, keys: Path) -> None:
    """Put `count` events into a migrated store that nobody serves, the same ones each time.

    Their ids are written to `keys`, one a line.
    """
    layout = Layout.of(SCHEMA.whole, SCHEMA.stored[0])
    source = random.Random(42)
    columns = ("tenant_id", *layout.names, "created_ticks", "modified_ticks")
    connection = apsw.Connection(str(store))
    marks = ", ".join("?" * len(columns))
    statement = f"INSERT INTO events ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608 - names of the model
    with connection, keys.open("w") as file:
        for _ in range(count):
            record = _event(layout, source)
            file.write(f"{record[0]}\n")
            connection.execute(statement, (TENANT, *record, _FIRST, _FIRST))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _event(layout: Layout, source: random.Random) -> list[object]:
    fields = layout.blank(str(uuid.UUID(int=source.getrandbits(128), version=4)), "enrollmentTroubleshootingEvent")
    system, version = source.choice(_SYSTEMS)
    ticks = _FIRST + source.randrange(_SPAN_SECONDS) * TICKS_PER_SECOND + source.randrange(TICKS_PER_SECOND)
    layout.put(fields, "eventDateTime", Instant(ticks))
    layout.put(fields, "correlationId", str(uuid.UUID(int=source.getrandbits(128), version=4)))
    layout.put(fields, "operatingSystem", system)
    layout.put(fields, "osVersion", version)
    layout.put(fields, "userId", str(uuid.UUID(int=source.randrange(20_000), version=4)))
    layout.put(fields, "deviceId", str(uuid.UUID(int=source.randrange(50_000), version=4)))
    layout.put(fields, "enrollmentType", source.randrange(13))
    layout.put(fields, "failureCategory", source.randrange(12))
    layout.put(fields, "failureReason", source.choice(_REASONS))
    return fields
