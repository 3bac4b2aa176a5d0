"""The product's model as its clients reach it: readers, scopes, records."""

from typing import Any

from enrollscope.model.events import EVENTS, SCHEMA
from enrollscope.odata.edm.layout import Layout, Record
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.merge import create
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.plan.commands import LinkedTo
from enrollscope.odata.plan.requests import Scope

WHOLE = SCHEMA.whole
LAYOUT = Layout.of(WHOLE, EVENTS)
MODELS = {version: SCHEMA.view(version) for version in SCHEMA.versions}
READERS = {version: BodyReader(model, WHOLE) for version, model in MODELS.items()}

BASE = "deviceManagementTroubleshootingEvent"
ENROLLMENT = "enrollmentTroubleshootingEvent"
VPP = "appleVppTokenTroubleshootingEvent"
USER = "8c9f0c5e-2f1a-4b6f-9a55-0d3c7f1e2a44"

NOW = Instant.parse("2024-05-15T14:13:19.376941Z")

# The example body of the reference page of "Update enrollmentTroubleshootingEvent", its two placeholders filled in.
EXAMPLE: dict[str, Any] = {
    "@odata.type": "#microsoft.graph.enrollmentTroubleshootingEvent",
    "eventDateTime": "2017-01-01T00:01:33.1647467+03:00",
    "correlationId": "Correlation Id value",
    "managedDeviceIdentifier": "Managed Device Identifier value",
    "operatingSystem": "Operating System value",
    "osVersion": "Os Version value",
    "userId": "User Id value",
    "deviceId": "Device Id value",
    "enrollmentType": "userEnrollment",
    "failureCategory": "authentication",
    "failureReason": "Failure Reason value",
}


def scope_of(version: str, declared: str = BASE, *links: LinkedTo) -> Scope:
    """All events of a type, or those of one user."""
    model = MODELS[version]
    entity = model.entity(declared)
    path = "deviceManagement/troubleshootingEvents"
    return Scope(EVENTS, entity, model.stored_as(entity), links, context=path, path=path)


def users_scope(version: str) -> Scope:
    """The events of one user."""
    return scope_of(version, BASE, LinkedTo("userId", USER))


def created(body: dict[str, Any], version: str = "v1.0", **options: Any) -> tuple[str, dict[str, Any]]:
    """What a POST to all events would store."""
    return READERS[version].create(body, scope_of(version), now=NOW, **options)


def changed(body: dict[str, Any], version: str = "v1.0", **options: Any) -> dict[str, Any]:
    """What a PATCH of an event would change."""
    return dict(READERS[version].update(body, scope_of(version), **options).values)


def stored(body: dict[str, Any], version: str = "v1.0", key: str = "6f1c", **options: Any) -> Record:
    """The record that a POST makes."""
    type_name, values = created(body, version, **options)
    return create(LAYOUT, key, type_name, values)
