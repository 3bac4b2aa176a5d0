"""Questions with conditions to PostgreSQL.

Apart from the rest of the store, because importing SQLAlchemy takes 0.5 s.
"""

from collections.abc import Mapping

import asyncpg

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.queries import Page, Paging, Query
from enrollscope.store.index_reading import Lookup, is_a_range
from enrollscope.store.indexes import Indexed
from enrollscope.store.postgres_connections import Connection, unavailable
from enrollscope.store.postgres_dialect import PostgresDialect
from enrollscope.store.schema import tables
from enrollscope.store.statements import Statement, Statements, told_total

_TOO_MUCH = "The query is longer or deeper than can be answered. Ask in several steps."

# What the server says to a correct statement: SQLSTATE → what to tell the client.
_REFUSALS: Mapping[str, str] = {
    "22003": "An arithmetic operation in the query leaves the range of its type.",
    "22012": "The query divides by zero (for some entity). Exclude it, or use divby.",
    "2201B": "The pattern stands for too much. Ask for less of it.",
    "54001": _TOO_MUCH,
    "54000": _TOO_MUCH,
    "54011": _TOO_MUCH,
    "54023": _TOO_MUCH,
}
_MOST_PARAMETERS = 32_767


class Questions:
    """Answers queries on connections of the store."""

    def __init__(self, schema: Schema, layouts: Mapping[str, Layout]) -> None:
        self._statements = postgres_statements(schema, layouts)
        self._indexes = {
            name: (Indexed.of(schema, layout.stored), layout.root.key_property.name) for name, layout in layouts.items()
        }

    def has_one_plan(self, query: Query, paging: Paging) -> bool:
        """Whether a page is to be read by the same plan whatever the values, and is no more than that page."""
        alone = not paging.total and not paging.skip
        return alone and is_a_range(query, *self._indexes[query.stored])

    async def page(self, connection: Connection, tenant: str, query: Query, paging: Paging) -> Page:
        """The records, and how many there are in all when that is asked: both as of one moment."""
        page = self._statements.page(query, paging)
        if not paging.total:
            return Page(page.columns(await _rows_of(connection, page, tenant, paging)))
        count = self._statements.count(query)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            records = await _rows_of(connection, page, tenant, paging)
            total = told_total(query, paging, len(records))
            if total is None:
                ((total,),) = await _rows_of(connection, count, tenant, paging)
            return Page(page.columns(records), total)

    async def range(self, connection: Connection, tenant: str, query: Query, paging: Paging) -> Page:
        """A page that `has_one_plan`."""
        page = self._statements.page(query, paging, of_that_size=True)
        return Page(page.columns(await _rows_of(connection, page, tenant, paging)))

    async def count(self, connection: Connection, tenant: str, query: Query, paging: Paging) -> int:
        """How many records match."""
        rows = await _rows_of(connection, self._statements.count(query), tenant, paging)
        return int(rows[0][0])


def postgres_statements(schema: Schema, layouts: Mapping[str, Layout]) -> Statements:
    """What compiles questions for PostgreSQL, with the index tables of all stored sets."""
    metadata = tables(schema, layouts.values()).tables
    lookups = {name: Lookup.of(layout, Indexed.of(schema, layout.stored), metadata) for name, layout in layouts.items()}
    return Statements(layouts, metadata, PostgresDialect(), lookups)


async def _rows_of(connection: Connection, statement: Statement, tenant: str, paging: Paging) -> list[asyncpg.Record]:
    values = statement.values(tenant, paging)
    if len(values) > _MOST_PARAMETERS:
        raise BadRequest(_TOO_MUCH)
    try:
        return await connection.fetch(statement.text, *values)
    except asyncpg.QueryCanceledError as error:
        raise unavailable(
            "The query took too long and was given up. Narrow it down, by a range of time for example.",
            30,
        ) from error
    except asyncpg.PostgresError as error:
        refusal = _REFUSALS.get(str(error.sqlstate))
        if refusal is None:
            raise
        raise BadRequest(refusal) from error
