"""odata2ts makes TypeScript from our `$metadata`; what it makes is compiled, used and run against a served process."""

import json
import shutil
import uuid
from typing import Any

import httpx
import pytest

from tests.clients.javascript import FOLDER, Node
from tests.serving import Served

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(served: Served, node: Node, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the generated client found, step by step."""
    token = served.token("--tenant", str(uuid.uuid4()))
    here = node.elsewhere(tmp_path_factory.mktemp("odata2ts"))
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/xml"}
    metadata = httpx.get(f"{served.address}/beta/$metadata", headers=headers, trust_env=False).raise_for_status()
    (here.folder / "metadata.xml").write_bytes(metadata.content)
    for name in ("odata2ts.ts", "tsconfig.json"):
        shutil.copy(FOLDER / name, here.folder)
    options = ("--source", "metadata.xml", "--output", "generated", "--mode", "all", "--emit-mode", "ts")
    here.run("node_modules/@odata2ts/odata2ts/lib/run-cli.js", *options)
    here.run("node_modules/typescript/bin/tsc", "--project", "tsconfig.json")
    environment = {"ADDRESS": served.address, "TOKEN": token}
    found: dict[str, Any] = json.loads(here.run("compiled/odata2ts.js", environment=environment))
    return found


def test_an_event_is_created_and_changed(report: dict[str, Any]) -> None:
    """Types, enumerations and complex values of the metadata are those of the answers."""
    created = report["created"]
    assert created["@odata.type"] == "#microsoft.graph.enrollmentTroubleshootingEvent"
    assert created["eventDateTime"] == "2024-05-15T14:13:19.3769417+02:00"
    assert created["additionalInformation"] == [{"name": "attempt", "value": "2"}]
    assert created["enrollmentType"] == "windowsAutoEnrollment"
    assert report["changed"]["correlationId"] == "c"
    assert report["read"] == report["changed"]


def test_events_are_found(report: dict[str, Any]) -> None:
    """The query builder's filters, enumeration literals among them, mean here what they mean there."""
    assert [event["osVersion"] for event in report["found"]] == ["13", "12"]
    assert report["count"] == 3
    assert [event["id"] for event in report["quoted"]] == [report["created"]["id"]]


def test_an_event_is_deleted_and_missed(report: dict[str, Any]) -> None:
    """The client reads status and message of the error."""
    assert report["removed"] == 204
    assert report["failure"]["status"] == 404
    assert report["created"]["id"] in report["failure"]["message"]
