"""Troubleshooting events: what exists, declared once for v1.0 and beta.

Sources: the microsoft.graph CSDL of v1.0 and, for beta, the reference pages of the three event types.
"""

from enrollscope.model.enums import BETA, ENROLLMENT_TYPE, FAILURE_REASON
from enrollscope.odata.edm.model import (
    ComplexType,
    Default,
    EntitySet,
    EntityType,
    Link,
    NavigationProperty,
    Primitive,
    Property,
    Singleton,
    StoredSet,
)
from enrollscope.odata.edm.schema import Schema

KEY_VALUE_PAIR = ComplexType(
    "keyValuePair",
    (
        Property("name", Primitive.STRING, description="Name of the pair."),
        Property("value", Primitive.STRING, description="Value of the pair."),
    ),
    description="A name with a value.",
    views=BETA,
)

ERROR_RESOURCE = ComplexType(
    "deviceManagementTroubleshootingErrorResource",
    (
        Property("text", Primitive.STRING, description="Text to show for the link."),
        Property(
            "link",
            Primitive.STRING,
            description="Address of further help, where clients fill in {{UPN}}, {{DeviceGUID}} and {{UserGUID}}.",
        ),
    ),
    description="A pointer to further help.",
    views=BETA,
)

ERROR_DETAILS = ComplexType(
    "deviceManagementTroubleshootingErrorDetails",
    (
        Property("context", Primitive.STRING, description="What was going on when the failure happened."),
        Property("failure", Primitive.STRING, description="What failed, in a few words."),
        Property("failureDetails", Primitive.STRING, description="What failed, at length."),
        Property("remediation", Primitive.STRING, description="What to do about it."),
        Property("resources", ERROR_RESOURCE, collection=True, description="Where to read on."),
    ),
    description="What is known about a failure and its remedy.",
    views=BETA,
)

ENTITY = EntityType(
    "entity",
    abstract=True,
    key="id",
    properties=(Property("id", Primitive.STRING, nullable=False, computed=True, description="Identifies the object."),),
    description="Base of everything with an id.",
)

EVENT = EntityType(
    "deviceManagementTroubleshootingEvent",
    base=ENTITY,
    properties=(
        Property(
            "eventDateTime",
            Primitive.DATE_TIME_OFFSET,
            nullable=False,
            default=Default.NOW,
            description="When the event happened.",
        ),
        Property("correlationId", Primitive.STRING, description="Ties together what belongs to one attempt."),
        Property("eventName", Primitive.STRING, description="Name of the event.", views=BETA),
        Property(
            "additionalInformation",
            KEY_VALUE_PAIR,
            collection=True,
            description="Further facts about the event.",
            views=BETA,
        ),
        Property(
            "troubleshootingErrorDetails",
            ERROR_DETAILS,
            description="What is known about the failure and its remedy.",
            views=BETA,
        ),
    ),
    description="Something that went wrong in device management.",
)

ENROLLMENT_EVENT = EntityType(
    "enrollmentTroubleshootingEvent",
    base=EVENT,
    properties=(
        Property(
            "managedDeviceIdentifier",
            Primitive.STRING,
            description="Identifier of the device, made or collected by the management service.",
        ),
        Property("operatingSystem", Primitive.STRING, description="Operating system of the device."),
        Property("osVersion", Primitive.STRING, description="Version of the operating system."),
        Property("userId", Primitive.STRING, description="The user who tried to enroll the device."),
        Property("deviceId", Primitive.STRING, description="Identifier of the device in the directory."),
        Property(
            "enrollmentType",
            ENROLLMENT_TYPE,
            nullable=False,
            default="unknown",
            description="The way in which the device was being enrolled.",
        ),
        Property(
            "failureCategory",
            FAILURE_REASON,
            nullable=False,
            default="unknown",
            description="The broad reason of the failure.",
        ),
        Property("failureReason", Primitive.STRING, description="The reason of the failure, in detail."),
    ),
    description="An enrollment of a device that failed.",
)

VPP_TOKEN_EVENT = EntityType(
    "appleVppTokenTroubleshootingEvent",
    base=EVENT,
    properties=(Property("tokenId", Primitive.STRING, description="Identifier of the volume purchase token."),),
    description="A failure of an Apple volume purchase token.",
    views=BETA,
)

DEVICE_MANAGEMENT = EntityType(
    "deviceManagement",
    base=ENTITY,
    navigation=(
        NavigationProperty(
            "troubleshootingEvents",
            target="deviceManagementTroubleshootingEvent",
            stored_in="events",
            description="The troubleshooting events of the tenant.",
        ),
    ),
    description="The device management of a tenant.",
)

USER = EntityType(
    "user",
    base=ENTITY,
    navigation=(
        NavigationProperty(
            "deviceManagementTroubleshootingEvents",
            target="deviceManagementTroubleshootingEvent",
            stored_in="events",
            link=Link("userId"),
            description="The troubleshooting events of the user.",
        ),
    ),
    description="A user of the tenant.",
    open_type=True,
)

EVENTS = StoredSet(
    "events",
    "deviceManagementTroubleshootingEvent",
    default_order=("-eventDateTime",),
    often_changed=("failureCategory",),
    often_rewritten=("failureReason", "additionalInformation"),
)

SCHEMA = Schema(
    namespace="microsoft.graph",
    alias="graph",
    container="GraphService",
    versions=("v1.0", "beta"),
    enums=(FAILURE_REASON, ENROLLMENT_TYPE),
    complexes=(KEY_VALUE_PAIR, ERROR_RESOURCE, ERROR_DETAILS),
    entities=(ENTITY, EVENT, ENROLLMENT_EVENT, VPP_TOKEN_EVENT, DEVICE_MANAGEMENT, USER),
    entity_sets=(EntitySet("users", "user"),),
    singletons=(Singleton("deviceManagement", "deviceManagement"), Singleton("me", "user", caller_in="users")),
    stored=(EVENTS,),
)
