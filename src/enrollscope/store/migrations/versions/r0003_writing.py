"""Nothing of the tables: a function for statements that write (`postgres_objects.sql`)."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Every migration makes all functions."""
