"""From the URL of a store to the store."""

from pathlib import Path

from enrollscope.odata.schema import Schema
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.history import MIGRATIONS, History
from enrollscope.store.sqlite import SqliteStore
from enrollscope.store.sqlite_file import examine, migrate

_FORMS = "Give sqlite:///PATH, such as sqlite:///events.db or sqlite:////var/lib/events.db."


def open_store(url: str, schema: Schema, *, history: History = MIGRATIONS, queue: int = 4096) -> Store:
    """The store at a URL, not started: `start` and `secret` find out whether it can be used.

    Args:
        url: `sqlite:///PATH`; the path is relative with three slashes and absolute with four. Nothing in it is decoded.
        history: how the tables come to be; another schema than the product's needs one of its own.
        queue: how many commands may wait to be written before clients are told to come back.

    Raises:
        StoreRefused: no such kind of store.
    """
    return SqliteStore(_path_of(url), schema, history, queue)


def migrate_store(url: str, schema: Schema, *, history: History = MIGRATIONS) -> str:
    """Bring the tables of a store up to date, or create them, and say in a sentence what was done.

    Raises:
        StoreRefused: the store cannot be migrated; it is untouched.
    """
    del schema  # the history alone says what the tables were and shall be
    path = _path_of(url)
    before, head = examine(path), history.revisions[-1]
    migrate(path, history, before)
    if before == head:
        return f"The tables are up to date, at revision {head}."
    return f"The tables were {'created' if before is None else f'brought from revision {before}'}, at revision {head}."


def _path_of(url: str) -> Path:
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgresql", "postgres"):
        raise StoreRefused(f"PostgreSQL is not offered yet. {_FORMS}")
    if not separator or scheme != "sqlite":
        raise StoreRefused(f"'{url}' is no URL of a store. {_FORMS}")
    path = rest.removeprefix("/")
    if path == rest or not path or path.endswith("/") or path.startswith(":memory:"):
        raise StoreRefused(f"'{url}' names no file; a store in memory would not be durable. {_FORMS}")
    if "\0" in path or "?" in path:
        raise StoreRefused(f"'{url}' has characters that the path of a store cannot have. {_FORMS}")
    return Path(path)
