"""Indexes for what people ask of events, on PostgreSQL. An embedded store is small enough to do without.

Each serves one question, newest first, and each page behind the first. Null is lowest in them, as in OData, and so they
give the groups of a property in order, too. They are made while the service goes on writing.

Every index is paid for by every change of a column that some index holds (measured with 500,000 events: 25 of 300 µs
each). That is why the few kinds of enrollment and operating systems have none: the newest hundred of one of them are
never far apart in `events_in_order`.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_ORDER = "NULLS FIRST, event_date_time_ticks, id"

# What is asked → the columns behind the tenant. By time alone is `events_in_order`, by navigation `events_of_user_id`.
_BY = {
    "user": f"user_id {_ORDER}",
    "device": f"device_id {_ORDER}",
    "correlation": f"correlation_id {_ORDER}",
    "category": f"failure_category {_ORDER}",
}


def upgrade() -> None:
    """Make the indexes."""
    if op.get_context().dialect.name != "postgresql":
        return
    for name, columns in _BY.items():
        op.execute(f"CREATE INDEX CONCURRENTLY IF NOT EXISTS events_by_{name} ON events (tenant_id, {columns})")
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    # For contains(failureReason, …): every run of three characters, of the tenant's events alone.
    op.execute(
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS events_with_reason ON events "
        "USING gin (tenant_id, failure_reason gin_trgm_ops)"
    )
