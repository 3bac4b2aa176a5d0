"""The two roles of docs/operate.md: one owns the tables, the other may do what a service must, and no more."""

import re
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.postgres import Server

OPERATE = Path(__file__).parents[1] / "docs" / "operate.md"
EVENTS = ("events",)


@dataclass(frozen=True, slots=True)
class Owned:
    """A database that a role owns which can do nothing beyond it."""

    server: Server
    name: str
    owner: str
    service: str

    @property
    def owner_url(self) -> str:
        """For migrations."""
        return self.server.url(self.name, self.owner)

    @property
    def service_url(self) -> str:
        """For the service."""
        return self.server.url(self.name, self.service)

    def grant(self, stored: Sequence[str] = EVENTS) -> None:
        """Make the role of the service once there are tables, as the manual says."""
        creation, rights = statements(self.service, stored)
        self.server.psql(creation)
        self.server.psql(rights, self.name, self.owner)


@contextmanager
def owned_database(server: Server) -> Iterator[Owned]:
    """A new database for as long as the block lasts, without tables."""
    number = uuid.uuid4().hex
    owner, service = f"owner_{number}", f"service_{number}"
    server.psql(f"CREATE ROLE {owner} LOGIN")
    try:
        with server.database() as name:
            server.psql(f"ALTER DATABASE {name} OWNER TO {owner}")
            server.psql(f"ALTER SCHEMA public OWNER TO {owner}", name)
            yield Owned(server, name, owner, service)
    finally:
        server.psql(f"DROP ROLE IF EXISTS {service}; DROP ROLE {owner}")


def statements(role: str, stored: Sequence[str] = EVENTS) -> tuple[str, str]:
    """What docs/operate.md says to run: as who may make roles, and as the owner of the tables.

    Args:
        stored: the stored sets of another model.
    """
    block = re.search(r"<!-- role:begin -->\s*```sql\n(.*?)```", OPERATE.read_text(encoding="utf-8"), re.DOTALL)
    if block is None:
        raise AssertionError("docs/operate.md has no role")
    tables = ", ".join(name for each in stored for name in (each, f"{each}_index"))
    text = block[1].replace("enrollscope_service", role).replace(" PASSWORD '…'", "")
    creation, _, rights = text.replace("events, events_index", tables).partition("\n")
    return creation, rights
