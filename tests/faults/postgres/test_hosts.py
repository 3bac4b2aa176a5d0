"""Two services on one database, as on two machines: what one says holds at the other."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.faults.postgres.clients import token_of
from tests.faults.postgres.storm import migrated
from tests.postgres import shared_server
from tests.serving import running
from tests.wire import EVENTS

pytestmark = pytest.mark.slow

TENANT = "0d9f1c52-8f0e-4b57-a3c1-6f6a2d1b7e33"
KEYS = "/common/discovery/v2.0/keys"
EACH = 20

# Whoever makes a key waits here until another one makes it, too: both looked for it before, and found none.
MEET = """
CREATE FUNCTION meet() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_lock_shared(8090, hashtext(NEW.name));
  FOR attempt IN 1 .. 300 LOOP
    EXIT WHEN 2 <= (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = 8090
      AND objid = (hashtext(NEW.name)::bigint & 4294967295)::oid);
    PERFORM pg_sleep(0.05);
  END LOOP;
  PERFORM pg_sleep(0.2);
  INSERT INTO met VALUES (NEW.name);
  RETURN NEW;
END$$;
CREATE TABLE met (name text);
CREATE TRIGGER meet BEFORE INSERT ON secrets FOR EACH ROW EXECUTE FUNCTION meet()
"""


class Host(httpx.Client):
    """A client of one of the services."""

    def __init__(self, address: str, token: str) -> None:
        super().__init__(base_url=address, headers={"Authorization": f"Bearer {token}"}, trust_env=False, timeout=20.0)

    def create(self, **values: object) -> dict[str, str]:
        """Create an event."""
        reply = self.post(EVENTS, json=values)
        assert reply.status_code == 201, reply.text
        created: dict[str, str] = reply.json()
        return created

    def reasons(self, query: str) -> list[str]:
        """The `failureReason` of each event on the page that a question gives."""
        reply = self.get(f"{EVENTS}?{query}")
        assert reply.status_code == 200, reply.text
        return [event["failureReason"] for event in reply.json()["value"]]


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Host, Host]]:
    """Two services whose first start was at the same time, on a database that had no key yet."""
    folder = tmp_path_factory.mktemp("hosts")
    with shared_server() as server, server.database("hosts") as database, ExitStack() as stack:
        url = asyncio.run(migrated(server, database))
        server.psql(MEET, database)
        addresses = _started_together(stack, url, folder)
        assert server.psql("SELECT name, count(*) FROM met GROUP BY 1 ORDER BY 1", database).splitlines() == [
            "paging-key|2",
            "signing-keys|2",
        ]
        token = token_of(url, TENANT)
        first, second = (stack.enter_context(Host(address, token)) for address in addresses)
        yield first, second


def _started_together(stack: ExitStack, url: str, folder: Path) -> list[str]:
    services = [running("--database", url, log=folder / f"{number}.log") for number in range(2)]
    with ThreadPoolExecutor(2) as pool:
        return [address for _, address in pool.map(stack.enter_context, services)]


def test_both_have_the_same_keys(hosts: tuple[Host, Host]) -> None:
    """Of the keys that both made, one set stays, and whoever came second goes by it; so a token is good at both."""
    first, second = hosts
    assert first.get(KEYS).json()["keys"] == second.get(KEYS).json()["keys"]
    assert [host.get(EVENTS).status_code for host in hosts] == [200, 200]


def test_a_page_comes_from_the_other(hosts: tuple[Host, Host]) -> None:
    """A next link is good at both: only the address in it is of the one that was asked."""
    first, second = hosts
    made = [first.create(failureReason=f"page {number}", osVersion="paged")["id"] for number in range(5)]
    query = "$filter=osVersion eq 'paged'&$orderby=failureReason&$select=id"
    seen: list[str] = []
    page = first.get(f"{EVENTS}?{query}", headers={"Prefer": "odata.maxpagesize=2"})
    for host in (second, first, second):
        body = page.json()
        seen += [event["id"] for event in body["value"]]
        if "@odata.nextLink" in body:
            link = httpx.URL(body["@odata.nextLink"])
            assert "$skiptoken" in link.params
            page = host.get(link.copy_with(port=host.base_url.port), headers={"Prefer": "odata.maxpagesize=2"})
            assert page.status_code == 200, page.text
    assert seen == made


def test_a_question_that_was_asked_before_sees_what_the_other_changed(hosts: tuple[Host, Host]) -> None:
    """What a service remembers of a question is how it was read: the answer is of now, at both."""
    first, second = hosts
    event = first.create(failureReason="a", osVersion="seen")
    query, path = "$filter=osVersion eq 'seen'&$count=true", f"{EVENTS}/{event['id']}"
    for number in range(10):
        assert [host.reasons(query) for host in hosts] == [["a" if number == 0 else f"{number - 1}"]] * 2
        changed = hosts[number % 2].patch(path, json={"failureReason": f"{number}"})
        assert changed.status_code == 200
        assert hosts[1 - number % 2].get(path).headers["etag"] == changed.headers["etag"]
    assert second.delete(path).status_code == 204
    assert [host.reasons(query) for host in hosts] == [[], []]
    assert first.get(path).status_code == 404


def test_an_entity_tag_of_one_is_outdated_at_the_other(hosts: tuple[Host, Host]) -> None:
    """Whoever changes what somebody else changed meanwhile, at whichever service, is refused."""
    first, second = hosts
    event = first.create(failureReason="a")
    path, tag = f"{EVENTS}/{event['id']}", {"If-Match": event["@odata.etag"]}
    assert second.patch(path, json={"failureReason": "b"}, headers=tag).status_code == 200
    assert first.patch(path, json={"failureReason": "c"}, headers=tag).status_code == 412
    assert first.get(path).json()["failureReason"] == "b"


def test_ids_of_both_never_collide(hosts: tuple[Host, Host]) -> None:
    """Created at both at the same time, all events have ids of their own, and both show all of them."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: hosts[number % 2].create(osVersion="many")["id"], range(2 * EACH)))
    assert len(set(made)) == 2 * EACH
    for host in hosts:
        page = host.get(f"{EVENTS}?$filter=osVersion eq 'many'&$select=id&$top=100").json()
        assert {event["id"] for event in page["value"]} == set(made)
