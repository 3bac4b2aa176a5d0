"""`enrollscope token`: one signed access token for local work, and nothing else on standard output."""

import asyncio
import time
from typing import Any

import click

from enrollscope.api.composition import SIGNING_KEYS
from enrollscope.auth.development import DEFAULT_APP_ID, DEFAULT_TENANT_ID
from enrollscope.auth.issuer import DevelopmentIssuer, Grant
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.auth.permissions import WRITE_DEVICES
from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.model.events import SCHEMA
from enrollscope.store.base import StoreRefused
from enrollscope.store.opening import open_store


def sign_token(database: str, grant: Grant) -> str:
    """Sign a token with the keys of a store, which are made if it has none.

    Raises:
        StoreRefused: the store cannot be opened.
    """
    keys = asyncio.run(open_store(database, SCHEMA).secret(SIGNING_KEYS, generate_signing_keys))
    return DevelopmentIssuer.of(keys).issue(grant, time.time())


@click.command()
@setting_options({"database"})
@click.option("--tenant", default=DEFAULT_TENANT_ID, show_default=True, metavar="GUID", help="The tenant.")
@click.option("--user", metavar="GUID", help="A signed-in user; without one the token is an application's.")
@click.option("--app", default=DEFAULT_APP_ID, show_default=True, metavar="GUID", help="The client application.")
@click.option(
    "--permission",
    "permissions",
    multiple=True,
    metavar="NAME",
    default=(WRITE_DEVICES.name,),
    show_default=True,
    help="A permission; may be repeated.",
)
def token(tenant: str, user: str | None, app: str, permissions: tuple[str, ...], **options: Any) -> None:
    """Print an access token, valid for an hour at every service on the same store."""
    settings = settings_from(options)
    with refusing(ValueError):
        grant = Grant(tenant_id=tenant, app_id=app, permissions=permissions, user_id=user)
    with refusing(StoreRefused):
        click.echo(sign_token(settings.database, grant))
