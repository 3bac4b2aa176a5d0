"""Settings and a store to an application: the one place where the parts meet."""

import base64
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from enrollscope.api.app import Application
from enrollscope.api.crossorigin import CrossOrigin
from enrollscope.api.operations import Operations
from enrollscope.api.serve import PermissionTable, Service
from enrollscope.auth.development import development_verifier
from enrollscope.auth.permissions import accepted_permissions
from enrollscope.auth.verifier import Verifier
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.settings import Settings
from enrollscope.store.base import Store

SIGNING_KEYS = "signing-keys"
"""Name of the secret that holds the embedded issuer's keys."""

PAGING_KEY = "paging-key"


@asynccontextmanager
async def compose(
    settings: Settings, store: Store, schema: Schema, permissions: PermissionTable = accepted_permissions
) -> AsyncIterator[Application]:
    """Build the application for a started store; what it holds open ends with the block.

    Raises:
        IdentityProviderError: the configured provider cannot be reached, or what it says cannot be used.
        UnreadableKeysError: the store's signing keys are damaged.
    """
    async with AsyncExitStack() as stack:
        keys = None
        if settings.embedded_issuer:
            keys = await store.secret(SIGNING_KEYS, _new_signing_keys)
            verifier = development_verifier(keys, tenants=settings.tenants or None, leeway=settings.token_leeway)
        else:
            verifier = await _provider_verifier(settings, stack)
        cursors = CursorSigner(base64.b64decode(await store.secret(PAGING_KEY, _paging_key)))
        whole = schema.whole
        services = {
            version: Service(schema.view(version), whole, store, verifier, cursors, settings, permissions)
            for version in schema.versions
        }
        yield Application(
            services,
            Operations(store, keys),
            settings.public_url,
            CrossOrigin(frozenset(settings.cors_origins)),
            settings.compress_from,
        )


def _new_signing_keys() -> str:
    # The cryptography takes a tenth of a second to import, and a store needs new keys once in its life.
    from enrollscope.auth.keys import generate_signing_keys  # noqa: PLC0415

    return generate_signing_keys()


def _paging_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode("ascii")


async def _provider_verifier(settings: Settings, stack: AsyncExitStack) -> Verifier:
    # httpx takes 0.3 s to import, and a service with the embedded issuer has no use for it.
    from enrollscope.auth.remote import open_external_verifier  # noqa: PLC0415

    verifier, keys = await open_external_verifier(
        str(settings.issuer),
        settings.audience,
        time.time(),
        tenants=settings.tenants or None,
        leeway=settings.token_leeway,
    )
    stack.push_async_callback(keys.close)
    return verifier
