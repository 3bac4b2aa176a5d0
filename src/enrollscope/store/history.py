"""How the tables come to be, and which state of them this version of the program works with.

Knows revisions by name alone, so that a store that is up to date starts without Alembic and SQLAlchemy, whose imports
take longer than everything else at start together.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class History(Protocol):
    """The revisions of one set of tables."""

    @property
    def revisions(self) -> tuple[str, ...]:
        """Their names, oldest first. A store at any other revision is not for this version of the program."""
        ...

    def upgrade(self, current: str | None, dialect: str) -> str:
        """The SQL that leads from a revision, or from nothing, to the last one, and records it.

        It is a text of statements without a transaction of its own: whoever runs it makes it one.

        Args:
            dialect: `sqlite` or `postgresql`.
        """
        ...


@dataclass(frozen=True, slots=True)
class Migrations:
    """A history kept as Alembic's revision files.

    Attributes:
        scripts: the folder of `env.py` and `versions`.
    """

    scripts: Path
    revisions: tuple[str, ...]

    def upgrade(self, current: str | None, dialect: str) -> str:
        """Render the steps; see `History`."""
        # Imported here, because it takes 0.9 s and all but the first start on a store have nothing to migrate.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415

        text = io.StringIO()
        config = Config(output_buffer=text, attributes={"dialect": dialect})
        config.set_main_option("script_location", str(self.scripts).replace("%", "%%"))
        command.upgrade(config, f"{current or 'base'}:{self.revisions[-1]}", sql=True)
        return text.getvalue()


MIGRATIONS = Migrations(Path(__file__).parent / "migrations", ("0001", "0003", "0004", "0005", "0006"))
"""The history of the product's own tables."""
