"""Tables without a history: made from the model as it is. For models that are not the product's own."""
# ruff: noqa: S608 - what is put into the text is a digest of ours

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import MetaData
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from enrollscope.store.schema import DIALECT

_DIALECTS: Mapping[str, type[Dialect]] = MappingProxyType({"sqlite": sqlite.dialect, "postgresql": postgresql.dialect})


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A history of one revision, named after what the tables look like: a store of other tables is refused."""

    tables: MetaData

    @property
    def revisions(self) -> tuple[str, ...]:
        """The one revision."""
        spelled = "".join(map(self._create, _DIALECTS))
        return (hashlib.sha256(spelled.encode()).hexdigest()[:12],)

    def upgrade(self, current: str | None, dialect: str) -> str:
        """Create everything; see `history.History`."""
        if current is not None:
            return ""
        revision = self.revisions[0]
        return (
            self._create(dialect)
            + "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY);\n"
            + f"INSERT INTO alembic_version (version_num) VALUES ('{revision}');\n"
        )

    def _create(self, name: str) -> str:
        dialect = _DIALECTS[name]()
        statements: list[str] = []
        for table in self.tables.sorted_tables:
            if table.info.get(DIALECT, name) != name:
                continue
            statements.append(str(CreateTable(table).compile(dialect=dialect)))
            indexes = sorted(table.indexes, key=lambda index: str(index.name))
            statements += [str(CreateIndex(index).compile(dialect=dialect)) for index in indexes]
        return "".join(f"{statement.strip()};\n" for statement in statements)
