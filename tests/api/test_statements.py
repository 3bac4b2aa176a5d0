"""What the product itself sends to PostgreSQL, as the role of its manual: each statement is of one tenant.

The conformance suite proves the same of every question that another model can be asked.
"""

import asyncio
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.plan.commands import Actor, Create, Delete, Update
from enrollscope.service.retention import count_older, remove_older
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.opening import migrate_store
from enrollscope.store.postgres import PostgresStore
from enrollscope.store.postgres_upkeep import Upkeep
from tests.api.service import EVENTS, Client, Service, serving, settings_for, users_events
from tests.faults.postgres.proxy import Cut, Wire
from tests.postgres import shared_server
from tests.promises import write
from tests.roles import Owned, owned_database
from tests.tenancy import Watch, WatchedTarget, tables_of_tenants

USER = "0b0b0b0b-1111-4222-8333-444444444444"
KIND = "enrollmentTroubleshootingEvent"
NOON = "2024-01-01T12:00:00Z"

QUESTIONS = (
    *("", "?$top=2", "?$top=1&$skip=1&$count=true", "/$count", "?$orderby=osVersion", "?$search=reason"),
    *("?$filter=failureCategory eq 'authentication'", f"?$filter=eventDateTime ge {NOON}", "?$filter=false"),
    *("?$filter=failureCategory eq 'authentication' and osVersion ne 'x'", "?$filter=contains(failureReason,'eas')"),
    *("/$count?$filter=failureCategory eq 'authentication'", "/$count?$search=reason"),
    *("?$apply=groupby((failureCategory),aggregate($count as n))", "?$apply=aggregate($count as n)"),
    *("?$apply=filter(failureCategory eq 'authentication')/topcount(1,length(failureReason))",),
)


def as_uri(path: str) -> str:
    """A path with its query, spelled as a client sends it."""
    return quote(path, safe="/?$=&(),'-:")


def batch(*requests: tuple[str, str, object]) -> dict[str, object]:
    """A batch whose requests take effect together."""
    return {
        "requests": [
            {"id": str(number), "atomicityGroup": "g", "method": method, "url": url}
            | ({} if body is None else {"body": body, "headers": {"Content-Type": "application/json"}})
            for number, (method, url, body) in enumerate(requests)
        ]
    }


def use(client: Client) -> None:
    """Do what a client can do."""
    keys = [client.create(failureReason=f"reason {number}", eventDateTime=NOON)["id"] for number in range(3)]
    client.create(users_events(USER), failureCategory="authorization")
    for question in QUESTIONS:
        for root in (EVENTS, users_events(USER)):
            reply = client.get(as_uri(f"{root}{question}"))
            assert reply.status_code == 200, (question, reply.text)
    assert client.get(f"{EVENTS}/{keys[0]}/failureReason").status_code == 200
    assert client.patch(f"{EVENTS}/{keys[0]}", {"failureCategory": "authorization"}).status_code == 200
    assert client.delete(f"{EVENTS}/{keys[1]}").status_code == 204
    own = EVENTS.removeprefix("/v1.0")
    group = batch(
        ("POST", own, {"osVersion": "1"}),
        ("PATCH", f"{own}/{keys[0]}", {"osVersion": "2"}),
        ("DELETE", f"{own}/{keys[2]}", None),
    )
    reply = client.post("/v1.0/$batch", group)
    assert {each["status"] for each in reply.json()["responses"]} == {201, 200, 204}, reply.text


def keep(service: Service, tenant: str) -> None:
    """Do what an operator can do, and what nobody asks for."""
    actor = Actor(tenant, None, "app", "token", "request", 1)
    create = Create(actor, "events", "again", KIND, {"eventDateTime": Instant(1)})
    service.run(write(service.store, create))
    service.run(service.store.write_together([Delete(actor, "events", "again", frozenset({KIND}), ()), create]))
    assert len(service.run(service.store.changes(tenant, 0, 100))) > 2
    assert service.run(count_older(service.store, tenant, Instant(2))) == 1
    assert service.run(remove_older(service.store, tenant, Instant(2), lambda: Instant(3))) == 1


async def lose_answers(owned: Owned, watch: Watch, tenant: str) -> None:
    """Change an event, and have the connection break behind every other commit."""
    wire = Wire(owned.server.port, Cut.AFTER, every=2)
    port = await wire.open()
    target = WatchedTarget(owned.server.url(owned.name, owned.service, port), watch=watch)
    store = PostgresStore(target, SCHEMA, MIGRATIONS, 100)
    await store.start()
    actor = Actor(tenant, None, "app", "token", "request", 1)
    await store.write(Create(actor, "events", "lost", KIND, {"eventDateTime": Instant(9)}))
    for number in range(4):
        change = Update(actor, "events", "lost", frozenset({KIND}), (), {"osVersion": str(number)})
        await store.write(change)
    await store.close()
    await wire.close()
    assert wire.cuts


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watch, frozenset[str]]]:
    """What was sent while two tenants used the product, and who they are."""
    heard = Watch(tables_of_tenants(SCHEMA))
    with pytest.MonkeyPatch.context() as patch, shared_server() as server, owned_database(server) as owned:
        patch.setattr("enrollscope.store.postgres.Upkeep", partial(Upkeep, seconds=0.05))
        migrate_store(owned.owner_url, SCHEMA)
        owned.grant()
        store = PostgresStore(WatchedTarget(owned.service_url, watch=heard), SCHEMA, MIGRATIONS, 100)
        folder: Path = tmp_path_factory.mktemp("service")
        with serving(settings_for(folder, database=owned.service_url), store) as service:
            clients = (service.client(), service.client())
            for client in clients:
                use(client)
                keep(service, client.tenant)
            asyncio.run(lose_answers(owned, heard, client.tenant))
            time.sleep(0.2)  # the upkeep of the last change
        yield heard, frozenset(client.tenant for client in clients)


@pytest.fixture(scope="module")
def watch(watched: tuple[Watch, frozenset[str]]) -> Watch:
    """What was sent."""
    return watched[0]


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param(r'INSERT INTO "events" .* INSERT INTO changes', id="create"),
        pytest.param(r'UPDATE "events" .* INSERT INTO changes', id="update"),
        pytest.param(r'UPDATE "events_index" ', id="update-of-the-index-table"),
        pytest.param(r'DELETE FROM "events" .*DELETE FROM "events_index" .*INSERT INTO changes', id="delete"),
        pytest.param(r'DELETE FROM "events" .*UPDATE "events" .*INSERT INTO "events" ', id="change-set"),
        pytest.param(r'UPDATE "events" AS e SET .*"created_ticks" = n."created_ticks"', id="replace"),
        pytest.param(r"SELECT .* FOR UPDATE", id="rows-locked"),
        pytest.param(r"INSERT INTO positions .* VALUES \(\$1, 0\)", id="counter-locked"),
        pytest.param(r"^SELECT stored, .* FROM changes WHERE .* AND id = ANY", id="lookup-of-a-lost-commit"),
        pytest.param(r"FROM changes WHERE .* ORDER BY position", id="log"),
        pytest.param(r"^SELECT [^(]* FROM unnest\(\$2::text\[\]\) AS k \(id\), LATERAL ", id="by-key"),
        pytest.param(r"^SELECT events\..* FROM events WHERE ", id="page-of-rows"),
        pytest.param(r"^SELECT events_index\..* FROM events, events_index WHERE ", id="beside"),
        pytest.param(r"^SELECT [^;]* FROM events_index WHERE ", id="the-index-table-alone"),
        pytest.param(r"SELECT count\(\*\)", id="count"),
        pytest.param(r"strings_lower", id="search"),
        pytest.param(r"GROUP BY", id="apply"),
        pytest.param(r"lower\(events\.user_id\)|lower\(events_index\.user_id\)", id="navigation"),
        pytest.param(r"event_date_time_ticks < ", id="retention"),
        pytest.param(r"store_put_in_waiting", id="upkeep"),
        pytest.param(r"INSERT INTO secrets", id="secrets"),
    ],
)
def test_it_was_heard(watch: Watch, pattern: str) -> None:
    """Everything that the product sends is among what is read here."""
    texts = [" ".join(text.split()) for text in watch.texts]
    assert any(re.search(pattern, text) for text in texts)


def test_every_statement_is_of_one_tenant(watch: Watch) -> None:
    """Wherever it names a table of tenants it names the tenant, and so do all that make up a transaction."""
    assert watch.faults == []


def test_the_tenant_is_the_one_that_asks(watched: tuple[Watch, frozenset[str]]) -> None:
    """No other value, such as an id, stands where a statement names its tenant."""
    watch, tenants = watched
    assert watch.tenants == tenants
