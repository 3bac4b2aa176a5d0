"""Functions of composite values for PostgreSQL, which every migration makes anew; the tables stay as they are."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Nothing to do."""
