"""Questions with conditions to SQLite. Apart from the rest of the store, because importing SQLAlchemy takes 0.5 s."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import apsw
import msgspec

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.queries import Page, Paging, Query
from enrollscope.store.base import PageText
from enrollscope.store.dialects import SqliteDialect
from enrollscope.store.schema import tables
from enrollscope.store.sqlite_rows import KeyedStatements
from enrollscope.store.statements import Statement, Statements, told_total

# What SQLite says to a statement that is correct and more than it can take.
_TOO_MUCH = ("too large", "too many", "too big", "stack overflow")

# What SQLite says where it cannot make a file for what it sorts, or cannot fill it.
_NO_PLACE = (apsw.CantOpenError, apsw.FullError, apsw.IOError)

_FEWEST = 3
"""Records of a page, with the one that tells whether more follow, from which on its text is asked for."""

T = TypeVar("T")


class Questions:
    """Answers queries on connections that are prepared for it (`sqlite_functions.register`)."""

    def __init__(self, schema: Schema, layouts: Mapping[str, Layout], rows: Mapping[str, KeyedStatements]) -> None:
        self._rows = rows
        self._statements = Statements(layouts, tables(schema, layouts.values()).tables, SqliteDialect())

    def page(self, query: Query, paging: Paging) -> tuple[Statement, Statement | None]:
        """The statements of a page: the records, and how many there are in all when that is asked. Event loop only."""
        return self._statements.page(query, paging), self._statements.count(query) if paging.total else None

    def text(self, query: Query, paging: Paging, form: TextForm) -> tuple[Statement, Statement | None] | None:
        """The same for the JSON of a page; `None` where there is no statement for it. Event loop only."""
        # Of a page for nothing or for one entity nothing is saved.
        statement = self._statements.text(query, paging, form) if paging.limit >= _FEWEST else None
        if statement is None:
            return None
        return statement, self._statements.count(query) if paging.total else None

    def count(self, query: Query) -> Statement:
        """The statement of a count. Event loop only."""
        return self._statements.count(query)

    def run_page(
        self,
        connection: apsw.Connection,
        statements: tuple[Statement, Statement | None],
        tenant: str,
        query: Query,
        paging: Paging,
    ) -> Page:
        """Read records and total as of one moment."""
        records, total = _with_place(connection, lambda: _page_of(connection, statements, tenant, query, paging, len))
        read = self._rows[query.stored].read if query.width is None else None
        page = Page(statements[0].columns(records), total)
        return page if read is None else Page.of(map(read, page.records), total)

    def run_text(
        self,
        connection: apsw.Connection,
        statements: tuple[Statement, Statement | None],
        tenant: str,
        query: Query,
        paging: Paging,
    ) -> PageText | None:
        """Read the JSON of a page, and total as of one moment; `None` where the form does not say some entity."""
        try:
            rows, total = _with_place(
                connection, lambda: _page_of(connection, statements, tenant, query, paging, _found)
            )
        except BadRequest as refusal:
            if isinstance(refusal.__cause__, apsw.TooBigError):  # as one value; its records may be none
                return None
            raise
        ((entities, number, said, places),) = rows
        if number != said:
            return None
        keys: list[list[Any]] = [] if places is None else msgspec.json.decode(places)
        return PageText(entities or b"", tuple(keys[0]) if len(keys) > 1 else (), total)

    def run_count(self, connection: apsw.Connection, statement: Statement, tenant: str, paging: Paging) -> int:
        """Read how many records match."""
        ((count,),) = _with_place(connection, lambda: _rows_of(connection, statement, tenant, paging))
        return int(count)


def _with_place(connection: apsw.Connection, ask: Callable[[], T]) -> T:
    """Ask; without a place for temporary files ask again and sort in memory, which takes longer and needs none."""
    try:
        return ask()
    except _NO_PLACE:
        connection.pragma("temp_store", "MEMORY")
        try:
            return ask()
        finally:
            connection.pragma("temp_store", "FILE")


def _page_of(
    connection: apsw.Connection,
    statements: tuple[Statement, Statement | None],
    tenant: str,
    query: Query,
    paging: Paging,
    found: Callable[[list[tuple[Any, ...]]], int],
) -> tuple[list[tuple[Any, ...]], int | None]:
    """Rows of a page and the total.

    Args:
        found: how many of the records of a page there are, from its rows.
    """
    page, count = statements
    if count is None:
        return _rows_of(connection, page, tenant, paging), None
    connection.execute("BEGIN")
    try:
        records = _rows_of(connection, page, tenant, paging)
        total = told_total(query, paging, found(records))
        if total is None:
            ((total,),) = _rows_of(connection, count, tenant, paging)
    finally:
        if connection.in_transaction:  # a full disk has ended it
            connection.execute("ROLLBACK")  # nothing was written; this only lets go of the moment
    return records, total


def _found(rows: list[tuple[Any, ...]]) -> int:
    """How many records there are to a text: what is on it, and whether another follows."""
    ((_, number, _, places),) = rows
    return int(number) + (len(msgspec.json.decode(places)) - 1 if places is not None else 0)


def _rows_of(connection: apsw.Connection, statement: Statement, tenant: str, paging: Paging) -> list[tuple[Any, ...]]:
    try:
        return connection.execute(statement.text, statement.values(tenant, paging)).fetchall()
    except (apsw.SQLError, apsw.TooBigError, apsw.NoMemError) as error:
        if "integer overflow" in str(error):
            raise BadRequest("A sum in the query leaves the range of Edm.Int64.") from error
        if any(words in str(error) for words in _TOO_MUCH):
            raise BadRequest("The query is longer or deeper than can be answered. Ask in several steps.") from error
        raise
