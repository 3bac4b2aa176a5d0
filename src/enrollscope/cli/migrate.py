"""`enrollscope migrate`: bring a store to the schema of this version."""

import asyncio
from typing import Any

import click

from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.model.events import SCHEMA
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.opening import open_store


@click.command()
@setting_options({"database"})
def migrate(**options: Any) -> None:
    """Create the tables of a new store, or bring those of an older one up to date."""
    settings = settings_from(options)
    with refusing(StoreRefused):
        asyncio.run(_migrate(open_store(settings.database, SCHEMA)))
    click.echo(f"{settings.shown_database} is up to date.", err=True)


async def _migrate(store: Store) -> None:
    """Starting an embedded store brings its tables up to date, under the lock that keeps a second service away."""
    await store.start()
    await store.close()
