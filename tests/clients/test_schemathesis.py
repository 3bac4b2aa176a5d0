"""schemathesis asks the served process for everything that its OpenAPI document describes.

Each operation is asked in ways that fit the document and in ways that do not, the same ones in every run. Whatever is
asked, the service stands, and answers as described: status, content type, headers and body. That a question which fits
is never refused is not asked for: no schema says what a filter may be, or which times there are. Nor that one which
does not fit is always refused: preferences that make no sense are passed over (RFC 7240), and so are options of a query
that are not OData's (OData URL conventions 4.01 §5.2).
"""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from enrollscope.model.events import SCHEMA
from enrollscope.odata.metadata.openapi import openapi_document
from tests.serving import Served, serving

pytestmark = [pytest.mark.slow]

VERSIONS = ("v1.0", "beta")
BATCH_LIMIT = 20
EXAMPLES = 15
USER = "8c9f0c5e-2f1a-4b6f-9a55-0d3c7f1e2a44"
KEY = "deviceManagementTroubleshootingEvent-id"
CHECKS = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation of one version."""

    version: str
    operation: Any

    @property
    def label(self) -> str:
        """Version, method and path."""
        return f"{self.version} {self.operation.label}"

    @property
    def open(self) -> bool:
        """Whether anyone may ask it: then it takes nothing that could be wrong but a token."""
        return {} in self.operation.definition.raw.get("security", [])


def described() -> Iterator[Asked]:
    """Every operation."""
    for version in VERSIONS:
        document = openapi_document(SCHEMA.view(version), BATCH_LIMIT)
        for result in schemathesis.openapi.from_dict(document).get_all_operations():
            assert isinstance(result, Ok), result.err()
            yield Asked(version, result.ok())


EVERYTHING = tuple(described())
WAYS = [
    pytest.param(asked, mode, id=f"{asked.label}-{mode.value}")
    for asked in EVERYTHING
    for mode in GenerationMode
    if mode is GenerationMode.POSITIVE or not asked.open
]
OF_CALLERS = [pytest.param(asked, id=asked.label) for asked in EVERYTHING if not asked.open]
OF_ANYONE = [pytest.param(asked, id=asked.label) for asked in EVERYTHING if asked.open]
OF_MEMBERS = [pytest.param(asked, id=asked.label) for asked in EVERYTHING if KEY in asked.label]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The service, with its sample events."""
    with serving(tmp_path_factory.mktemp("served") / "events.db", "--sample") as served:
        yield served


@pytest.fixture(scope="module")
def headers(served: Served) -> dict[str, str]:
    """A user who may write."""
    return {"Authorization": f"Bearer {served.token('--tenant', str(uuid.uuid4()), '--user', USER)}"}


def ask(
    asked: Asked, mode: GenerationMode, served: Served, headers: dict[str, str], prepare: Callable[[Any], None]
) -> set[int]:
    """Ask an operation in many ways; the statuses that came back."""
    statuses = set()

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=asked.operation.as_strategy(generation_mode=mode))
    def ask_once(case: Any) -> None:
        prepare(case)
        response = case.call(base_url=f"{served.address}/{asked.version}", headers=headers)
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    ask_once()
    return statuses


@pytest.mark.parametrize(("asked", "mode"), WAYS)
def test_every_operation_answers_as_described(
    asked: Asked, mode: GenerationMode, served: Served, headers: dict[str, str]
) -> None:
    """Also to what makes no sense."""
    statuses = ask(asked, mode, served, headers, lambda _: None)
    assert statuses
    if mode is GenerationMode.POSITIVE and KEY not in asked.operation.path:
        assert any(status < 300 for status in statuses), statuses


@pytest.mark.parametrize("asked", OF_MEMBERS)
def test_operations_on_events_that_exist_answer_as_described(
    asked: Asked, served: Served, headers: dict[str, str]
) -> None:
    """A key that is made up is never found; so each question here is about a new event of the caller's own."""
    with httpx.Client(base_url=served.address, headers=headers, trust_env=False) as http:

        def aim(case: Any) -> None:
            event = http.post("/beta/deviceManagement/troubleshootingEvents", json=properties).json()
            case.path_parameters[KEY] = event["id"]
            if "user-id" in case.path_parameters:
                case.path_parameters["user-id"] = USER

        properties = {"tokenId": "t"} if "appleVpp" in asked.operation.path else {"userId": USER, "deviceId": "d"}
        statuses = ask(asked, GenerationMode.POSITIVE, served, headers, aim)
    assert any(status < 300 for status in statuses), statuses


@pytest.mark.parametrize("version", VERSIONS)
def test_the_document_is_valid(version: str) -> None:
    """By the schema of OpenAPI 3.1."""
    schemathesis.openapi.from_dict(openapi_document(SCHEMA.view(version), BATCH_LIMIT)).validate()


@pytest.mark.parametrize("version", VERSIONS)
def test_the_served_document_is_the_described_one(version: str, served: Served, headers: dict[str, str]) -> None:
    """What is asked for above is what clients are told; only the server's address comes on top."""
    document = httpx.get(f"{served.address}/{version}/openapi.json", headers=headers, trust_env=False).json()
    assert document.pop("servers") == [{"url": f"{served.address}/{version}"}]
    assert document == openapi_document(SCHEMA.view(version), BATCH_LIMIT)


@pytest.mark.parametrize("asked", OF_ANYONE)
def test_documents_are_for_anyone(asked: Asked, served: Served) -> None:
    """Without a token, but not with one that is none."""
    case = asked.operation.Case()
    for authorization, status in (({}, 200), ({"Authorization": "Bearer x"}, 401)):
        response = case.call(base_url=f"{served.address}/{asked.version}", headers=authorization)
        assert response.status_code == status
        case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize("asked", OF_CALLERS)
def test_every_other_operation_needs_a_token(asked: Asked, served: Served) -> None:
    """And says so in the way that is described."""
    case = asked.operation.Case(path_parameters={KEY: "x", "user-id": USER})
    for authorization in ({}, {"Authorization": "Bearer x"}):
        response = case.call(base_url=f"{served.address}/{asked.version}", headers=authorization)
        assert response.status_code == 401
        case.validate_response(response, checks=CHECKS)
