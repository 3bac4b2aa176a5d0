"""The first tables: events, the log of changes, secrets; on PostgreSQL the index table of the events, too."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# Written out, not shared with `schema.py`: a revision says for ever what it did.
_TEXT = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
_INTEGER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_ROOM = {"fillfactor": 85}


def upgrade() -> None:
    """Create the tables."""
    _create_changes()
    _create_events()
    if op.get_context().dialect.name == "postgresql":
        _create_events_index()
    op.create_table(
        "secrets",
        sa.Column("name", _TEXT, primary_key=True),
        sa.Column("value", _TEXT, nullable=False),
        sqlite_strict=True,
    )


def _create_changes() -> None:
    op.create_table(
        "changes",
        sa.Column("tenant_id", _TEXT, primary_key=True),
        sa.Column("position", _INTEGER, primary_key=True, autoincrement=False),
        sa.Column("stored", _TEXT, nullable=False),
        sa.Column("id", _TEXT, nullable=False),
        sa.Column("kind", _TEXT, nullable=False),
        sa.Column("version", _INTEGER, nullable=False),
        sa.Column("at_ticks", _INTEGER, nullable=False),
        sa.Column("user_id", _TEXT),
        sa.Column("app_id", _TEXT, nullable=False),
        sa.Column("token_id", _TEXT, nullable=False),
        sa.Column("client_request_id", _TEXT, nullable=False),
        sa.Column("before", _TEXT, nullable=False),
        sa.Column("after", _TEXT, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _create_events() -> None:
    op.create_table(
        "events",
        sa.Column("tenant_id", _TEXT, primary_key=True),
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("version", _INTEGER, nullable=False),
        sa.Column("event_date_time_ticks", _INTEGER, nullable=False),
        sa.Column("event_date_time_offset", _INTEGER, nullable=False),
        sa.Column("correlation_id", _TEXT),
        sa.Column("event_name", _TEXT),
        sa.Column("additional_information", _TEXT),
        sa.Column("troubleshooting_error_details", _TEXT),
        sa.Column("managed_device_identifier", _TEXT),
        sa.Column("operating_system", _TEXT),
        sa.Column("os_version", _TEXT),
        sa.Column("user_id", _TEXT),
        sa.Column("device_id", _TEXT),
        sa.Column("enrollment_type", _INTEGER),
        sa.Column("failure_category", _INTEGER),
        sa.Column("failure_reason", _TEXT),
        sa.Column("token_id", _TEXT),
        sa.Column("created_ticks", _INTEGER, nullable=False),
        sa.Column("modified_ticks", _INTEGER, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_with=_ROOM,
    )
    op.create_index("events_in_order", "events", ["tenant_id", "event_date_time_ticks", "id"])
    op.create_index(
        "events_of_user_id", "events", ["tenant_id", sa.text("lower(user_id)"), "event_date_time_ticks", "id"]
    )


def _create_events_index() -> None:
    op.create_table(
        "events_index",
        sa.Column("tenant_id", _TEXT, primary_key=True),
        sa.Column("id", _TEXT, primary_key=True),
        sa.Column("part", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("type", _TEXT, nullable=False),
        sa.Column("event_date_time_ticks", _INTEGER, nullable=False),
        sa.Column("failure_category", _INTEGER),
        sa.Column("strings_lower", _TEXT),
        sa.Column("ids_lower", _TEXT),
        sa.Column("guid_parts", sa.ARRAY(_TEXT)),
        postgresql_with=_ROOM,
    )
