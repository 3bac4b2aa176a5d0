"""o.js, unchanged, against a served process."""

import json
import uuid
from typing import Any

import pytest

from tests.clients.javascript import Node
from tests.serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(served: Served, node: Node) -> dict[str, Any]:
    """What the client found, step by step."""
    environment = {"ADDRESS": served.address, "TOKEN": served.token("--tenant", str(uuid.uuid4()))}
    found: dict[str, Any] = json.loads(node.run("o_js.mjs", environment=environment))
    return found


def test_an_event_is_created_and_changed(report: dict[str, Any]) -> None:
    """POST and PATCH answer with the event, and so does GET with the key in parentheses."""
    assert report["created"]["failureCategory"] == "authentication"
    assert report["changed"]["failureReason"] == "100 % & more + 'quotes'"
    assert report["changed"]["osVersion"] == "10"
    assert report["read"] == report["changed"]


def test_events_are_found(report: dict[str, Any]) -> None:
    """It reads `value` by itself; what it encodes in a filter means what was written."""
    assert [event["osVersion"] for event in report["found"]] == ["13", "12"]
    assert [event["id"] for event in report["quoted"]] == [report["created"]["id"]]
    assert report["counted"] == "4"


def test_an_event_is_deleted_and_missed(report: dict[str, Any]) -> None:
    """204, and from then on 404 with the reason in the body."""
    assert report["removed"] == 204
    assert report["failure"]["status"] == 404
    assert report["failure"]["body"]["error"]["code"] == "ResourceNotFound"
