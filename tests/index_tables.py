"""Whether index tables are what they should be."""
# ruff: noqa: S608 - names of a model

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.schema import Schema
from enrollscope.store.index_table import IndexTable
from enrollscope.store.indexes import Indexed
from tests.postgres import Server


def index_table(schema: Schema) -> IndexTable:
    """The one of the first stored set."""
    return IndexTable.of(Layout.of(schema.whole, schema.stored[0]), Indexed.of(schema, schema.stored[0]))


def strays(server: Server, database: str, schema: Schema) -> list[str]:
    """Ids of rows that the index table of the first stored set lacks, has too many, or has with other values."""
    table = index_table(schema)
    columns = ", ".join(f'"{name}"' for name in table.names)
    kept = f"SELECT tenant_id, part, id, {columns} FROM {table.name}"
    parts = table.filled_from(schema.stored[0].name).split(";")
    made = " UNION ALL ".join(f"(SELECT {part.partition('SELECT ')[2]})" for part in parts)
    differences = f"(({made}) EXCEPT ({kept})) UNION ALL (({kept}) EXCEPT ({made}))"
    return server.psql(f"SELECT id FROM ({differences}) AS strays", database).splitlines()
