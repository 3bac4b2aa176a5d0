"""Indexes for what people ask of events, on PostgreSQL. An embedded store is small enough to do without.

Each serves one question, newest first, and each page behind the first. Null is lowest in them, as in OData, and so they
give the groups of a property in order, too. They are made while the service goes on writing.

Those of `events` are of what hardly ever changes: a change of one such column is paid for with an entry in each of all.
The few kinds of enrollment and operating systems have theirs by revision 0006.

`events_index` has those of what often changes. `events_index_with_text` holds every run of three characters in each
string of an event, but of ids that are GUIDs two parts each. Measured with a million events, as processor time of the
server: a rare word takes 14 ms in place of 1 to 5 s. With the runs of the GUIDs an event has 143 entries, and to change
one takes 2.5 times as long. Without the parts whoever looks for a GUID, or for an error code without `0x`, would wait.

Nothing was released with a revision 0002, which had another index table.
"""

from alembic import op

revision = "0003"
down_revision = "0001"

_ORDER = "event_date_time_ticks, id"

# What is asked → the columns behind the tenant. By time alone is `events_in_order`, by navigation `events_of_user_id`.
_BY = {
    "events_by_user": f"events (tenant_id, user_id NULLS FIRST, {_ORDER})",
    "events_by_device": f"events (tenant_id, device_id NULLS FIRST, {_ORDER})",
    "events_by_correlation": f"events (tenant_id, correlation_id NULLS FIRST, {_ORDER})",
    "events_index_by_failure_category": (
        f"events_index (tenant_id, failure_category NULLS FIRST, {_ORDER}) WHERE part = 0"
    ),
}


def upgrade() -> None:
    """Make the indexes."""
    if op.get_context().dialect.name != "postgresql":
        return
    for name, columns in _BY.items():
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} ON {columns}")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.execute(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS events_index_with_text ON events_index "
        "USING gin (tenant_id, strings_lower gin_trgm_ops, guid_parts)"
    )
    # How rare a text is, the server estimates from a sample; of 100 events each would stand for a hundredth of all.
    op.execute("ALTER TABLE events_index ALTER COLUMN strings_lower SET STATISTICS 500")
    op.execute("ANALYZE events_index")
