"""`enrollscope migrate`: bring a store to the schema of this version."""

from typing import Any

import click

from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.model.events import SCHEMA
from enrollscope.store.base import StoreRefused
from enrollscope.store.open import migrate_store


@click.command()
@setting_options({"database"})
def migrate(**options: Any) -> None:
    """Create the tables of a new store, or bring an older one up to date."""
    settings = settings_from(options)
    with refusing(StoreRefused):
        done = migrate_store(settings.database, SCHEMA)
    click.echo(f"{settings.shown_database}: {done}", err=True)
