"""Which permission each access to stored data needs (contract §2.2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Access(StrEnum):
    """What a request does to the data."""

    READ = "read"
    WRITE = "write"


@dataclass(frozen=True, slots=True)
class Permission:
    """A permission as the permissions reference lists it: tokens carry its name, app manifests its ids.

    Attributes:
        delegated_id: GUID of the scope, used on behalf of a user.
        application_id: GUID of the app role, used without one.
    """

    name: str
    delegated_id: str
    application_id: str


READ_DEVICES: Final = Permission(
    "DeviceManagementManagedDevices.Read.All",
    delegated_id="314874da-47d6-4978-88dc-cf0d37f0bb82",
    application_id="2f51be20-0bb4-4fed-bf7b-db946066c75e",
)
WRITE_DEVICES: Final = Permission(
    "DeviceManagementManagedDevices.ReadWrite.All",
    delegated_id="44642bfe-8385-4adc-8fc6-fe3cb2c375c3",
    application_id="243333ab-4d21-40cb-a475-36241daa0842",
)

PERMISSIONS: Final = (READ_DEVICES, WRITE_DEVICES)

_ACCEPTED: Final[Mapping[tuple[str, Access], tuple[str, ...]]] = MappingProxyType(
    {
        ("events", Access.READ): (READ_DEVICES.name, WRITE_DEVICES.name),
        ("events", Access.WRITE): (WRITE_DEVICES.name,),
    }
)


def accepted_permissions(entity_set: str, access: Access) -> tuple[str, ...]:
    """Name the permissions that open a stored entity set, the least privileged first.

    Raises:
        LookupError: nobody decided who may use this entity set, so nobody may.
    """
    try:
        return _ACCEPTED[entity_set, access]
    except KeyError:
        raise LookupError(f"no permission is declared to {access.value} the entity set {entity_set!r}") from None
