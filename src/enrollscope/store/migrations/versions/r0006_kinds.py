"""Events of one kind of enrollment and of one operating system, newest first, on PostgreSQL.

There are few values of each, and the newest hundred of a frequent one are never far apart in `events_in_order`. Of one
that hardly occurs, or not at all, they are: the server then read the whole table for a page, 48,000 buffers at a
million events, and ever more as the tenants grow.

Neither changes once an event is there, as a rule, so that a change of an event writes nothing to these indexes.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

_ORDER = "event_date_time_ticks, id"


def upgrade() -> None:
    """Make the indexes while the service goes on writing."""
    if op.get_context().dialect.name != "postgresql":
        return
    for column in ("enrollment_type", "operating_system"):
        op.execute(
            f"CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_{column} "
            f"ON events (tenant_id, {column} NULLS FIRST, {_ORDER})"
        )
