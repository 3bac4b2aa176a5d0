"""python-odata, unchanged, against a served process: an entity class of one's own, and those made from `$metadata`."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

# Neither ships types.
from odata import ODataService  # type: ignore[import-untyped]
from odata.exceptions import NoResultsFound, ODataError  # type: ignore[import-untyped]
from odata.property import DatetimeProperty, StringProperty  # type: ignore[import-untyped]

from tests.serving import Served

pytestmark = [
    pytest.mark.slow,
    # It calls what newer versions of Python and of its own dependencies deprecate.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


AT = datetime(2024, 5, 15, 14, 13, 19, 376941, tzinfo=UTC)


@pytest.fixture
def session(served: Served) -> Iterator[requests.Session]:
    """A session of an empty tenant."""
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {served.token('--tenant', str(uuid.uuid4()))}"
        yield session


@pytest.fixture
def service(served: Served, session: requests.Session) -> Any:
    """The service, its classes not made from metadata."""
    return ODataService(f"{served.address}/v1.0", reflect_entities=False, session=session, quiet_progress=True)


def event_class(service: Any) -> Any:
    """A class for enrollment events, as the documentation of python-odata has it."""

    class Event(service.Entity):  # type: ignore[misc]  # the base is made at run time
        __odata_type__ = "microsoft.graph.enrollmentTroubleshootingEvent"
        __odata_collection__ = "deviceManagement/troubleshootingEvents"

        id = StringProperty("id", primary_key=True)
        at = DatetimeProperty("eventDateTime")
        reason = StringProperty("failureReason")
        os_version = StringProperty("osVersion")
        category = StringProperty("failureCategory")

    return Event


def test_an_event_lives_from_creation_to_deletion(service: Any) -> None:
    """Save, read again, change, delete: each step is seen by the next."""
    event_type = event_class(service)
    event = event_type()
    event.at, event.category, event.reason = AT, "authentication", "It's 100 % wrong & more"
    service.save(event)
    assert event.id
    found = service.query(event_type).get(event.id)
    assert (found.reason, found.category, found.at) == ("It's 100 % wrong & more", "authentication", AT)
    found.reason = None
    service.save(found)
    assert service.query(event_type).get(event.id).reason is None
    service.delete(found)
    with pytest.raises(NoResultsFound):
        service.query(event_type).get(event.id)


def test_events_are_asked_for(service: Any) -> None:
    """Filters with functions and quotes, order, limit, count, and pages to the end."""
    event_type = event_class(service)
    for place in range(12):
        event = event_type()
        event.at, event.category, event.os_version = AT, "authorization", f"10.{place}"
        event.reason = "O'Neil's" if place % 2 else None
        service.save(event)
    query = service.query(event_type)
    assert len(query.all()) == 12  # more than a page
    even = query.filter(event_type.reason == None).order_by(event_type.os_version.desc())  # noqa: E711 - its syntax
    assert [event.os_version for event in even.all()] == ["10.8", "10.6", "10.4", "10.2", "10.10", "10.0"]
    quoted = query.filter(event_type.reason == "O'Neil's").filter(event_type.os_version.startswith("10.1"))
    assert {event.os_version for event in quoted.all()} == {"10.1", "10.11"}
    assert query.filter(event_type.os_version.contains(".1")).count() == 3
    assert len(query.limit(2).all()) == 2


def test_an_error_is_read_as_one(service: Any) -> None:
    """Code and message come from the envelope."""
    with pytest.raises(ODataError) as failure:
        service.query(event_class(service)).raw({"$filter": "failurReason eq 'x'"})
    assert failure.value.code == "BadRequest"
    assert "failureReason" in failure.value.message


@pytest.mark.parametrize("version", ["v1.0", "beta"])
def test_classes_are_made_from_the_metadata(served: Served, session: requests.Session, version: str) -> None:
    """It understands the document: types with their base types and properties, enumerations with their members."""
    service = ODataService(f"{served.address}/{version}", reflect_entities=True, session=session, quiet_progress=True)
    event = service.types["microsoft.graph.enrollmentTroubleshootingEvent"]
    assert issubclass(event, service.types["microsoft.graph.deviceManagementTroubleshootingEvent"])
    assert {"id", "eventDateTime", "failureReason", "failureCategory"} <= set(dir(event))
    assert isinstance(event.eventDateTime, DatetimeProperty)
    category = service.types["microsoft.graph.deviceEnrollmentFailureReason"]
    assert category.authentication.value == 1
    assert ("microsoft.graph.appleVppTokenTroubleshootingEvent" in service.types) == (version == "beta")
