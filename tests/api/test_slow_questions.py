import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.queries import Paging, Query
from enrollscope.store.base import PageText
from enrollscope.store.history import MIGRATIONS
from enrollscope.store.sqlite import SqliteStore
from tests.api.service import EVENTS, Client, refused, serving, settings_for, store_of

ROWS = 2_000


class Stuck(SqliteStore):
    """A store whose one thread for pages as text has something else to do first."""

    async def text(self, tenant: str, query: Query, paging: Paging, form: TextForm) -> PageText | None:
        """Wait for longer than anybody should."""
        await asyncio.sleep(8)
        return await super().text(tenant, query, paging, form)


async def fill(client: Client) -> None:
    """Put events in, many at a time, so that they share commits."""

    async def create(number: int) -> None:
        body = {"operatingSystem": "Windows", "failureReason": f"Reason {number} " * 600}
        assert (await asyncio.to_thread(client.post, EVENTS, body)).status_code == 201

    await asyncio.gather(*map(create, range(ROWS)))


@pytest.mark.slow
def test_a_question_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    """It answers 504 in the envelope, says what would help, and holds up nobody else."""
    settings = replace(settings_for(tmp_path), question_timeout=1)
    with serving(settings, store_of(settings)) as service:
        client = service.client()
        asyncio.run(fill(client))
        heavy = " or ".join(f"contains(tolower(failureReason),'x{number}')" for number in range(700))
        answer = refused(client.get(f"{EVENTS}/$count?$filter={heavy}"), 504, "GatewayTimeout")
        assert "more than 1 seconds" in answer["message"]
        assert client.get(f"{EVENTS}/$count").text == str(ROWS)
        assert client.get(f"{EVENTS}?$top=1").status_code == 200


@pytest.mark.slow
def test_a_page_that_waits_too_long_is_given_up(tmp_path: Path) -> None:
    """The time for a question includes that in which nobody has begun to put its page together."""
    settings = replace(settings_for(tmp_path), question_timeout=1)
    with serving(settings, Stuck(tmp_path / "events.db", SCHEMA, MIGRATIONS, 16)) as service:
        client = service.client()
        refused(client.get(f"{EVENTS}?$top=100"), 504, "GatewayTimeout")
        assert client.get(f"{EVENTS}/$count").text == "0"
