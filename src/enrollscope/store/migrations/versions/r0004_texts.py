"""Functions that read text as other types, for PostgreSQL, which every migration makes anew; the tables stay."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing to do."""
