"""From the URL of a store to the store."""

import asyncio
import importlib
from pathlib import Path
from typing import Any

from enrollscope.odata.edm.schema import Schema
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.history import MIGRATIONS, History
from enrollscope.store.sqlite import SqliteStore
from enrollscope.store.sqlite_file import examine, migrate

_FORMS = "Give sqlite:///PATH, such as sqlite:///events.db or sqlite:////var/lib/events.db, or postgresql://…"
_POSTGRESQL = "postgresql://"


def open_store(
    url: str, schema: Schema, *, history: History = MIGRATIONS, queue: int = 4096, prepared: bool = True
) -> Store:
    """The store at a URL, not started: `start` and `secret` find out whether it can be used.

    Args:
        url: `sqlite:///PATH`; the path is relative with three slashes and absolute with four. Nothing in it is decoded.
            Or `postgresql://…`, as libpq reads it.
        history: how the tables come to be; another schema than the product's needs one of its own.
        queue: how many commands may wait to be written before clients are told to come back.
        prepared: PostgreSQL: see `postgres_connections.Target`.

    Raises:
        StoreRefused: no such kind of store.
    """
    if url.startswith(_POSTGRESQL):
        target = _loaded("postgres_connections").Target(url, prepared)
        opened: Store = _loaded("postgres").PostgresStore(target, schema, history, queue)
        return opened
    return SqliteStore(_path_of(url), schema, history, queue)


def migrate_store(url: str, schema: Schema, *, history: History = MIGRATIONS, distributed: bool = False) -> str:
    """Bring the tables of a store up to date, or create them, and say in a sentence what was done.

    Args:
        distributed: PostgreSQL with Citus: also spread the tables over the nodes by tenant.

    Raises:
        StoreRefused: the store cannot be migrated; it is untouched.
    """
    stored = _distributed(url, schema) if distributed else ()
    if url.startswith(_POSTGRESQL):
        before, head = asyncio.run(_loaded("postgres_migrations").migrate(url, history, stored=stored))
    else:
        path = _path_of(url)
        before, head = examine(path), history.revisions[-1]
        migrate(path, history, before)
    if before == head:
        return f"The tables are up to date, at revision {head}."
    return f"The tables were {'created' if before is None else f'brought from revision {before}'}, at revision {head}."


def migration_sql(
    url: str, schema: Schema, *, history: History = MIGRATIONS, distributed: bool = False, start: str | None = None
) -> str:
    """The script for psql that brings a PostgreSQL database up to date, for whoever wants to read it or to run it.

    Args:
        start: the revision that it begins with, or `base` for an empty database; `None` asks the database for its own.

    Raises:
        StoreRefused: it is another kind of store, cannot be asked, or there is no such revision.
    """
    if not url.startswith(_POSTGRESQL):
        raise StoreRefused(
            "The SQL of a migration is offered for PostgreSQL; an SQLite store is migrated by its start."
        )
    stored = _distributed(url, schema) if distributed else ()
    script: str = asyncio.run(_loaded("postgres_migrations").printed(url, history, start, stored=stored))
    return script


def _distributed(url: str, schema: Schema) -> tuple[str, ...]:
    if not url.startswith(_POSTGRESQL):
        raise StoreRefused("Only a PostgreSQL database with Citus can be distributed; an SQLite store is one file.")
    return tuple(stored.name for stored in schema.stored)


def _loaded(name: str) -> Any:
    """A module of PostgreSQL's, whose driver a start on SQLite need not wait for."""
    return importlib.import_module(f"enrollscope.store.{name}")


def _path_of(url: str) -> Path:
    scheme, separator, rest = url.partition("://")
    if not separator or scheme != "sqlite":
        raise StoreRefused(f"'{url}' is no URL of a store. {_FORMS}")
    path = rest.removeprefix("/")
    if path == rest or not path or path.endswith("/") or path.startswith(":memory:"):
        raise StoreRefused(f"'{url}' names no file; a store in memory would not be durable. {_FORMS}")
    if "\0" in path or "?" in path:
        raise StoreRefused(f"'{url}' has characters that the path of a store cannot have. {_FORMS}")
    return Path(path)
