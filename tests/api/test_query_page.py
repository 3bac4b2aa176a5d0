"""What `docs/query.md` says a client can ask is asked."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from enrollscope.odata.protocol.capabilities import COLLECTION_OPTIONS, OFFERED_FUNCTIONS
from tests.api.service import BETA_EVENTS, Client, Service

PAGE = Path(__file__).parents[2] / "docs" / "query.md"
EXAMPLES = [line.removeprefix("GET ") for line in PAGE.read_text().splitlines() if line.startswith("GET ")]


def encoded(example: str) -> str:
    """The URL of an example, encoded as a client would."""
    path, _, query = example.partition("?")
    options = re.split(r"&(?=[$@])", query) if query else []
    parts = [option.partition("=") for option in options]
    asked = "&".join(f"{name}={quote(value, safe='')}" for name, _, value in parts)
    return quote(path.replace("…", BETA_EVENTS), safe="/$()',:") + (f"?{asked}" if asked else "")


@pytest.fixture(scope="module")
def filled(service: Service) -> Client:
    """A tenant with some events to ask about."""
    client = service.client()
    for number in range(4):
        client.create(
            BETA_EVENTS,
            failureReason=f"password wrong {number}" * number or None,
            osVersion=str(number),
            additionalInformation=[{"name": "region", "value": "eu"}] * number,
            troubleshootingErrorDetails={"failure": "TokenExpired", "resources": []} if number % 2 else None,
        )
    client.post(BETA_EVENTS, {"eventName": "of no type"})
    return client


def test_there_are_examples() -> None:
    """The page has them in the form that is looked for."""
    assert len(EXAMPLES) > 40


@pytest.mark.parametrize("example", [pytest.param(example, id=example.removeprefix("…")[:60]) for example in EXAMPLES])
def test_each_example_works(filled: Client, example: str) -> None:
    """It is answered, and so is every page that follows."""
    key = filled.get(f"{BETA_EVENTS}?$filter=osVersion%20eq%20'3'").json()["value"][0]["id"]
    path = encoded(example.replace("{id}", key))
    for _ in range(20):
        reply = filled.get(path)
        assert reply.status_code == 200, reply.text
        if path.partition("?")[0].endswith("/$count"):
            assert int(reply.text) >= 0
            return
        if path.endswith("/$value"):
            assert reply.text
            return
        path = reply.json().get("@odata.nextLink")
        if path is None:
            return
    raise AssertionError("the links never end")


@pytest.mark.parametrize("name", sorted(COLLECTION_OPTIONS - {"skiptoken", "format"}))
def test_every_option_is_described(name: str) -> None:
    """The page leaves none out."""
    assert f"`${name}" in PAGE.read_text()


@pytest.mark.parametrize("function", sorted(OFFERED_FUNCTIONS))
def test_every_function_is_named(function: str) -> None:
    """In lower case, as the page has them."""
    assert re.search(rf"\b{re.escape(function.lower())}\b", PAGE.read_text())
