import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.api.service import EVENTS, Client, refused, serving, settings_for, store_of

ROWS = 2_000


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
