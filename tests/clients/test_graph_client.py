"""Microsoft's Graph client for JavaScript, unchanged, against a served process behind TLS, which it insists on."""

import json
import re
import uuid
from typing import Any

import pytest

from tests.clients.conftest import Secured
from tests.clients.javascript import Node

pytestmark = pytest.mark.slow

EVENT = "#microsoft.graph.enrollmentTroubleshootingEvent"


@pytest.fixture(scope="module")
def report(secured: Secured, node: Node) -> dict[str, Any]:
    """What the client found, step by step."""
    token = secured.served.token("--tenant", str(uuid.uuid4()))
    environment = {"ADDRESS": secured.address, "TOKEN": token, "NODE_EXTRA_CA_CERTS": str(secured.certificate.file)}
    found: dict[str, Any] = json.loads(node.run("graph_client.mjs", environment=environment))
    return found


def test_an_event_is_created_as_it_was_sent(report: dict[str, Any]) -> None:
    """POST answers with the event, its time to 100 ns and in its own zone."""
    assert report["created"].items() >= report["sent"].items()
    assert report["created"]["id"]


def test_an_event_is_changed(report: dict[str, Any]) -> None:
    """PATCH changes what it names, null clears; the next GET shows the same."""
    wanted = {"failureReason": "None of it", "osVersion": None, "failureCategory": "authentication"}
    assert report["changed"].items() >= wanted.items()
    assert report["read"] == report["changed"]
    assert report["read"]["eventDateTime"] == report["sent"]["eventDateTime"]


def test_properties_are_selected(report: dict[str, Any]) -> None:
    """`select` shows these and no others, beside control information."""
    shown = {name for name in report["selected"] if "@" not in name}
    assert shown == {"id", "failureReason"}
    assert report["selected"]["@odata.type"] == EVENT


def test_events_are_found(report: dict[str, Any]) -> None:
    """Filter, order, count and top in one request."""
    expected = sorted((f"10.{place}" for place in (1, *range(10, 20))), reverse=True)
    assert [event["osVersion"] for event in report["found"]["value"]] == expected[:5]
    assert report["found"]["@odata.count"] == len(expected)
    assert int(report["total"]) == 25


def test_pages_are_followed_to_the_end(report: dict[str, Any]) -> None:
    """PageIterator meets every event once."""
    assert len(report["seen"]) == len(set(report["seen"])) == 25


def test_a_batch_is_answered_part_by_part(report: dict[str, Any]) -> None:
    """Each part has its status; what depends on another sees what that one did."""
    assert report["statuses"] == {"create": 201, "change": 200, "read": 200, "missing": 404}
    assert report["batched"]["osVersion"] == "batched"


def test_an_error_is_read_as_one(report: dict[str, Any]) -> None:
    """The client takes status, code, message and request id from the envelope."""
    assert report["removed"] is None
    failure = report["failure"]
    assert (failure["statusCode"], failure["code"]) == (404, "ResourceNotFound")
    assert report["created"]["id"] in failure["message"]
    assert re.fullmatch(r"[0-9a-f-]{36}", failure["requestId"])
