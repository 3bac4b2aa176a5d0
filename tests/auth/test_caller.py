from dataclasses import replace

import pytest

from enrollscope.auth.caller import Caller
from enrollscope.auth.permissions import PERMISSIONS, READ_DEVICES, WRITE_DEVICES, Access, accepted_permissions
from enrollscope.odata.errors import BadRequest, Forbidden
from tests.auth.minting import APP, READ, TENANT, USER, WRITE


def caller_with(*permissions: str) -> Caller:
    """An application that holds these permissions."""
    return Caller(
        tenant_id=TENANT,
        user_id=None,
        app_id=APP,
        token_id="1",
        permissions=frozenset(permissions),
        delegated=False,
    )


@pytest.mark.parametrize(
    ("held", "access", "allowed"),
    [
        pytest.param([READ], Access.READ, True, id="read-with-read"),
        pytest.param([WRITE], Access.READ, True, id="read-with-write"),
        pytest.param([WRITE], Access.WRITE, True, id="write-with-write"),
        pytest.param([READ], Access.WRITE, False, id="write-with-read"),
        pytest.param(["Other.All", WRITE], Access.WRITE, True, id="one-of-several"),
        pytest.param([], Access.READ, False, id="nothing"),
        pytest.param(["DeviceManagementManagedDevices.Read"], Access.READ, False, id="beginning-of-a-name"),
        pytest.param([READ.lower()], Access.READ, False, id="other-case"),
    ],
)
def test_events_need_the_permissions_of_the_reference(held: list[str], access: Access, allowed: bool) -> None:
    """Reading takes Read.All or ReadWrite.All, writing takes ReadWrite.All."""
    caller = caller_with(*held)
    if allowed:
        caller.require(accepted_permissions("events", access))
    else:
        with pytest.raises(Forbidden):
            caller.require(accepted_permissions("events", access))


def test_a_refusal_names_every_permission_that_would_do() -> None:
    """The text is the one Graph clients know, least privileged permission first."""
    with pytest.raises(Forbidden) as refusal:
        caller_with().require(accepted_permissions("events", Access.READ))
    assert refusal.value.message == (
        "Application is not authorized to perform this operation. "
        f"Application must have one of the following scopes: {READ}, {WRITE}"
    )


def test_me_needs_a_user() -> None:
    """An application alone is nobody: 400 with Graph's text (contract §12 row 40)."""
    assert replace(caller_with(), user_id=USER, delegated=True).require_user() == USER
    with pytest.raises(BadRequest) as refusal:
        caller_with().require_user()
    assert refusal.value.message == "/me request is only valid with delegated authentication flow."


def test_an_entity_set_without_a_decision_is_closed() -> None:
    """Nobody gets in by default."""
    with pytest.raises(LookupError, match="'unheardOf'"):
        accepted_permissions("unheardOf", Access.READ)


def test_permission_ids_are_those_of_the_permissions_reference() -> None:
    """App manifests written for Graph name the same ids."""
    assert PERMISSIONS == (READ_DEVICES, WRITE_DEVICES)
    assert READ_DEVICES.delegated_id == "314874da-47d6-4978-88dc-cf0d37f0bb82"
    assert READ_DEVICES.application_id == "2f51be20-0bb4-4fed-bf7b-db946066c75e"
    assert WRITE_DEVICES.delegated_id == "44642bfe-8385-4adc-8fc6-fe3cb2c375c3"
    assert WRITE_DEVICES.application_id == "243333ab-4d21-40cb-a475-36241daa0842"
