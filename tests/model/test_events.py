import pytest

from enrollscope.model.events import SCHEMA
from enrollscope.odata.edm.model import ComplexType, EntityType, Property
from tests.model.reading import BASE, ENROLLMENT, MODELS, VPP, WHOLE


def described(item: Property) -> str:
    """A property as one line: `name type`, `!` where null is not allowed."""
    kind = item.type.name_in_model.removeprefix("Edm.").removeprefix("microsoft.graph.")
    kind = f"[{kind}]" if item.collection else kind
    return f"{item.name} {kind}{'' if item.nullable else '!'}"


OWN_V1 = {
    "entity": ["id String!"],
    BASE: ["eventDateTime DateTimeOffset!", "correlationId String"],
    ENROLLMENT: [
        "managedDeviceIdentifier String",
        "operatingSystem String",
        "osVersion String",
        "userId String",
        "deviceId String",
        "enrollmentType deviceEnrollmentType!",
        "failureCategory deviceEnrollmentFailureReason!",
        "failureReason String",
    ],
    "deviceManagement": [],
    "user": [],
}
OWN_BETA = OWN_V1 | {
    BASE: [
        *OWN_V1[BASE],
        "eventName String",
        "additionalInformation [keyValuePair]",
        "troubleshootingErrorDetails deviceManagementTroubleshootingErrorDetails",
    ],
    VPP: ["tokenId String"],
}
COMPLEX_BETA = {
    "keyValuePair": ["name String", "value String"],
    "deviceManagementTroubleshootingErrorResource": ["text String", "link String"],
    "deviceManagementTroubleshootingErrorDetails": [
        "context String",
        "failure String",
        "failureDetails String",
        "remediation String",
        "resources [deviceManagementTroubleshootingErrorResource]",
    ],
}


@pytest.mark.parametrize(
    ("version", "entities", "complexes"),
    [pytest.param("v1.0", OWN_V1, {}, id="v1.0"), pytest.param("beta", OWN_BETA, COMPLEX_BETA, id="beta")],
)
def test_types_of_a_version(version: str, entities: dict[str, list[str]], complexes: dict[str, list[str]]) -> None:
    """Each version has the types of contract §1, with these properties in this order."""
    model = MODELS[version]
    assert {item.name: [described(own) for own in item.properties] for item in model.entities} == entities
    assert {item.name: [described(own) for own in item.properties] for item in model.complexes} == complexes


@pytest.mark.parametrize(
    ("name", "base", "abstract", "open_type"),
    [
        pytest.param("entity", None, True, False, id="entity"),
        pytest.param(BASE, "entity", False, False, id="event"),
        pytest.param(ENROLLMENT, BASE, False, False, id="enrollment"),
        pytest.param(VPP, BASE, False, False, id="vpp-token"),
        pytest.param("deviceManagement", "entity", False, False, id="deviceManagement"),
        pytest.param("user", "entity", False, True, id="user"),
    ],
)
def test_inheritance(name: str, base: str | None, abstract: bool, open_type: bool) -> None:
    """Only `entity` is abstract and only `user` is open (contract §1.1, §1.4)."""
    entity = WHOLE.entity(name)
    assert entity.base is None if base is None else entity.base is not None and entity.base.name == base
    assert (entity.abstract, entity.open_type) == (abstract, open_type)
    assert entity.key_property.name == "id"


CLOSED = (
    "unknown=0 authentication=1 authorization=2 accountValidation=3 userValidation=4 deviceNotSupported=5 "
    "inMaintenance=6 badRequest=7 featureNotSupported=8 enrollmentRestrictionsEnforced=9 clientDisconnected=10 "
    "userAbandonment=11"
)
COMMON = (
    "unknown=0 userEnrollment=1 deviceEnrollmentManager=2 appleBulkWithUser=3 appleBulkWithoutUser=4 "
    "windowsAzureADJoin=5 windowsBulkUserless=6 windowsAutoEnrollment=7 windowsBulkAzureDomainJoin=8 "
    "windowsCoManagement=9 windowsAzureADJoinUsingDeviceAuth=10 appleUserEnrollment=11 "
    "appleUserEnrollmentWithServiceAccount=12"
)
BETA_ONLY = (
    "azureAdJoinUsingAzureVmExtension=14 androidEnterpriseDedicatedDevice=15 androidEnterpriseFullyManaged=16 "
    "androidEnterpriseCorporateWorkProfile=17 androidAOSPUserOwnedDeviceEnrollment=18 "
    "androidAOSPUserlessDeviceEnrollment=19 appleAccountDrivenUserEnrollment=25"
)
RETIRED = (
    "appleACMEBasicBYOD=20 appleACMEDEPUserless=21 appleACMEDEPUDACompanyPortal=22 "
    "appleACMEDEPUDASetupAsstLegacy=23 appleACMEDEPUDAModernAuth=24"
)
SENTINEL = "unknownFutureValue=26"


@pytest.mark.parametrize(
    ("version", "enum", "members", "hidden"),
    [
        pytest.param("v1.0", "deviceEnrollmentFailureReason", [CLOSED], [], id="reason-v1.0"),
        pytest.param("beta", "deviceEnrollmentFailureReason", [CLOSED], [], id="reason-beta"),
        pytest.param("v1.0", "deviceEnrollmentType", [COMMON, SENTINEL], [BETA_ONLY, RETIRED], id="type-v1.0"),
        pytest.param("beta", "deviceEnrollmentType", [COMMON, BETA_ONLY, SENTINEL], [RETIRED], id="type-beta"),
    ],
)
def test_members_of_an_enumeration(version: str, enum: str, members: list[str], hidden: list[str]) -> None:
    """Each version has the members of contract §1.5 and §1.6 with their numbers; 13 was never one."""
    kind = next(item for item in MODELS[version].enums if item.name == enum)
    assert {f"{name}={value}" for name, value in kind.values.items()} == set(" ".join(members).split())
    assert {f"{name}={value}" for value, name in kind.hidden_names.items()} == set(" ".join(hidden).split())
    assert kind.sentinel == ("unknownFutureValue" if enum == "deviceEnrollmentType" else None)


@pytest.mark.parametrize(
    ("owner", "name", "link"),
    [
        pytest.param("deviceManagement", "troubleshootingEvents", None, id="deviceManagement"),
        pytest.param("user", "deviceManagementTroubleshootingEvents", "userId", id="user"),
    ],
)
@pytest.mark.parametrize("version", [pytest.param(version, id=version) for version in SCHEMA.versions])
def test_the_ways_to_events(version: str, owner: str, name: str, link: str | None) -> None:
    """Both collections promise the base event; a user's are those whose `userId` is that user (contract §1.4, §12)."""
    found = MODELS[version].entity(owner).find_navigation(name)
    assert found is not None
    assert (found.target, found.stored_in) == (BASE, "events")
    assert (found.link.property if found.link else None) == link


def test_a_hidden_type_shows_as_its_base() -> None:
    """A VPP token event is a plain event for v1.0, which has no such type (contract §12 row 11)."""
    assert MODELS["v1.0"].shown_as(VPP).name == BASE
    assert MODELS["v1.0"].stored_as(MODELS["v1.0"].entity(BASE)) == {BASE, ENROLLMENT, VPP}
    assert MODELS["v1.0"].stored_as(MODELS["v1.0"].entity(ENROLLMENT)) == {ENROLLMENT}


def test_what_a_version_hides_asks_nothing_of_its_clients() -> None:
    """A property that some version hides may be null, so that clients of that version can create entities."""
    structured: list[EntityType | ComplexType] = [*SCHEMA.entities, *SCHEMA.complexes]
    hidden = [item for owner in structured for item in owner.properties if item.views is not None]
    assert hidden
    assert all(item.nullable or item.collection or item.default is not None for item in hidden)


def test_no_version_hides_a_part_of_an_item() -> None:
    """A client that sends back a collection as it sees it must send it whole: collections are replaced (§3.8)."""
    structured: list[EntityType | ComplexType] = [*WHOLE.entities, *WHOLE.complexes]
    items = {own.type for item in structured for own in item.properties if own.collection}
    complexes = [
        item for item in SCHEMA.complexes if item.name in {kind.name for kind in items if isinstance(kind, ComplexType)}
    ]
    assert {item.name for item in complexes} == {"keyValuePair", "deviceManagementTroubleshootingErrorResource"}
    assert all(own.views is None for item in complexes for own in item.properties)


def test_everything_is_described() -> None:
    """Each type, property and navigation property says what it is."""
    structured: list[EntityType | ComplexType] = [*SCHEMA.entities, *SCHEMA.complexes]
    assert all(item.description for item in (*structured, *SCHEMA.enums))
    assert all(own.description for item in structured for own in item.properties)
    assert all(link.description for item in SCHEMA.entities for link in item.navigation)
