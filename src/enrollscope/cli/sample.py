"""Sample events for an empty store, and what to paste to change one."""

import asyncio
import time

from enrollscope.api.composition import SIGNING_KEYS
from enrollscope.auth.development import DEFAULT_APP_ID, DEFAULT_TENANT_ID
from enrollscope.auth.issuer import DevelopmentIssuer, Grant
from enrollscope.auth.keys import generate_signing_keys
from enrollscope.auth.permissions import WRITE_DEVICES
from enrollscope.model.events import EVENTS, SCHEMA
from enrollscope.model.sample import sample_events
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import Conflict
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.plan.commands import Actor, Create
from enrollscope.odata.plan.requests import Scope
from enrollscope.store.base import Store

_PATCH = """
Change an event; the token is good for an hour:

curl -sS -X PATCH {address}/v1.0/deviceManagement/troubleshootingEvents/{key} \\
  -H 'Content-Type: application/json' \\
  -d '{{"failureCategory": "authentication", "failureReason": "0x80180002"}}' \\
  -H 'Authorization: Bearer {token}'
"""


async def add_sample(store: Store) -> None:
    """Put the sample events into the tenant that tokens are for by default, those that are not there yet."""
    now = Instant.from_unix_nanoseconds(time.time_ns())
    actor = Actor(DEFAULT_TENANT_ID, None, DEFAULT_APP_ID, "", "sample", now.ticks)
    model = SCHEMA.view("beta")
    declared = model.entity(EVENTS.type)
    scope = Scope(EVENTS, declared, model.stored_as(declared), (), "", "")
    reader = BodyReader(model, SCHEMA.whole)
    creations = [Create(actor, EVENTS.name, key, *reader.create(body, scope, now=now)) for key, body in sample_events()]
    for outcome in await asyncio.gather(*map(store.write, creations), return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, Conflict):
            raise outcome


async def how_to_patch(store: Store, address: str) -> str:
    """A PATCH of the first sample event, to paste into a shell, with a token for this store."""
    key, _ = next(sample_events())
    keys = await store.secret(SIGNING_KEYS, generate_signing_keys)
    grant = Grant(tenant_id=DEFAULT_TENANT_ID, app_id=DEFAULT_APP_ID, permissions=(WRITE_DEVICES.name,))
    token = DevelopmentIssuer.of(keys).issue(grant, time.time())
    return _PATCH.format(address=address, key=key, token=token)
