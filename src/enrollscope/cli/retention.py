"""`enrollscope retention`: remove events that are older than they must be kept."""

import asyncio
import time
from typing import Any

import click

from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import TICKS_PER_SECOND, Instant
from enrollscope.odata.errors import ODataError
from enrollscope.service.retention import count_older, remove_older
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.opening import open_store

_SECONDS_PER_DAY = 86_400


@click.command()
@setting_options({"database"})
@click.option("--tenant", required=True, metavar="GUID", help="The tenant whose events are meant.")
@click.option(
    "--days", required=True, type=click.IntRange(1, 36_500), help="Keep what happened in the last so many days."
)
@click.option("--dry-run", is_flag=True, help="Only say how many events would be removed.")
def retention(*, tenant: str, days: int, dry_run: bool, **options: Any) -> None:
    """Remove a tenant's events that happened too long ago; the log of changes keeps what they were.

    Takes small steps and may run beside a service on PostgreSQL, and be stopped at any time.
    """
    settings = settings_from(options)
    than = Instant(_now().ticks - days * _SECONDS_PER_DAY * TICKS_PER_SECOND)
    with refusing(StoreRefused, ODataError):
        store = open_store(settings.database, SCHEMA, prepared=settings.prepared_statements)
        count = asyncio.run(_removed(store, tenant.lower(), than, dry_run=dry_run))
    click.echo(f"{count} events happened before {than}{'' if dry_run else ', and were removed'}.", err=True)


async def _removed(store: Store, tenant: str, than: Instant, *, dry_run: bool) -> int:
    await store.start()
    try:
        return await (count_older(store, tenant, than) if dry_run else remove_older(store, tenant, than, _now))
    finally:
        await store.close()


def _now() -> Instant:
    return Instant.from_unix_nanoseconds(time.time_ns())
