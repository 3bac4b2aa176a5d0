"""`enrollscope migrate`: bring a store to the schema of this version."""

import asyncio
from typing import Any

import click

from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.model.events import SCHEMA
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.opening import migrate_store, migration_sql, open_store


@click.command()
@setting_options({"database"})
@click.option("--sql", is_flag=True, help="PostgreSQL: only print what would be done, as a script for psql.")
@click.option(
    "--from",
    "start",
    metavar="REVISION",
    help="With --sql: begin with this revision, or with `base` for an empty database, and ask no database for its own.",
)
@click.option("--distributed", is_flag=True, help="PostgreSQL with Citus: spread the tables over the nodes by tenant.")
def migrate(*, sql: bool, start: str | None, distributed: bool, **options: Any) -> None:
    """Create the tables of a new store, or bring those of an older one up to date."""
    if start is not None and not sql:
        raise click.UsageError("--from goes with --sql: a migration begins where the tables are.")
    settings = settings_from(options)
    with refusing(StoreRefused):
        if sql:
            click.echo(migration_sql(settings.database, SCHEMA, distributed=distributed, start=start), nl=False)
            return
        if settings.sqlite_path is not None and not distributed:
            asyncio.run(_migrate(open_store(settings.database, SCHEMA)))
            said = f"{settings.shown_database} is up to date."
        else:
            said = f"{settings.shown_database}: {migrate_store(settings.database, SCHEMA, distributed=distributed)}"
    click.echo(said, err=True)


async def _migrate(store: Store) -> None:
    """Starting an embedded store brings its tables up to date, under the lock that keeps a second service away."""
    await store.start()
    await store.close()
