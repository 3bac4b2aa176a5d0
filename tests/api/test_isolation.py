"""Who may do what, and that one tenant can neither see nor guess what another has (contract §2.2, §6.1)."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from enrollscope.auth.development import AUDIENCE
from enrollscope.auth.keys import generate_signing_keys
from tests.api.service import APP, BETA_EVENTS, EVENTS, READ, WRITE, Client, Service, my_events, refused, users_events
from tests.auth.minting import Mint, forge, issuer_of

USER = "0b0b0b0b-1111-4222-8333-444444444444"
PERSONAL = "9188040d-6c67-4c5b-b112-36a304b66dad"
CAST = "microsoft.graph.enrollmentTroubleshootingEvent"

OPERATIONS = [
    pytest.param("GET", "{events}", None, 200, id="list"),
    pytest.param("GET", "{events}/$count", None, 200, id="count"),
    pytest.param("GET", "{item}", None, 200, id="get"),
    pytest.param("HEAD", "{item}", None, 200, id="head"),
    pytest.param("GET", "{item}/" + CAST, None, 200, id="get-cast"),
    pytest.param("POST", "{events}", {"osVersion": "1"}, 201, id="create"),
    pytest.param("PATCH", "{item}", {"osVersion": "1"}, 200, id="update"),
    pytest.param("DELETE", "{item}", None, 204, id="delete"),
]
ROOTS = [
    pytest.param(EVENTS, id="all"),
    pytest.param(BETA_EVENTS, id="beta"),
    pytest.param(users_events(USER), id="user"),
    pytest.param(my_events(), id="me"),
]


@pytest.mark.parametrize("root", ROOTS)
@pytest.mark.parametrize(("method", "path", "body", "success"), OPERATIONS)
def test_the_permission_table(
    service: Service, root: str, method: str, path: str, body: dict[str, Any] | None, success: int
) -> None:
    """Reading takes either permission, writing only the greater one; a lack of both is 403 that names what would do."""
    tenant = str(uuid.uuid4())
    writing = body is not None or method == "DELETE"
    for permissions, allowed in (
        ((WRITE,), True),
        ((READ,), not writing),
        ((READ, WRITE), True),
        (("DeviceManagementApps.ReadWrite.All", "Directory.Read.All"), False),
        ((f"{READ}x", READ.lower()), False),
    ):
        event = service.client(tenant).create(userId=USER)
        caller = service.client(tenant, *permissions, user=USER)
        reply = caller(method, path.format(events=root, item=f"{root}/{event['id']}"), body)
        if allowed:
            assert reply.status_code == success, (permissions, reply.text)
        elif method != "HEAD":
            message = refused(reply, 403, "Forbidden")["message"]
            assert WRITE in message
            assert (READ in message) is not writing
            assert service.client(tenant).get(f"{EVENTS}/{event['id']}").json() == event
        else:
            assert reply.status_code == 403


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        pytest.param({"scp": READ}, 200, id="delegated"),
        pytest.param({"scp": f"User.Read {READ} openid"}, 200, id="delegated-among-others"),
        pytest.param({"roles": [READ]}, 200, id="application"),
        pytest.param({"roles": ["User.Read.All", READ]}, 200, id="application-among-others"),
        pytest.param({"scp": "User.Read", "roles": [READ]}, 403, id="role-of-a-user-is-no-scope"),
        pytest.param({"idtyp": "app", "scp": READ}, 403, id="scope-of-an-application-is-no-role"),
        pytest.param({"idtyp": "app", "roles": [READ]}, 200, id="said-to-be-an-application"),
        pytest.param({"idtyp": "user", "scp": READ}, 200, id="said-to-be-a-user"),
        pytest.param({"roles": []}, 403, id="nothing"),
        pytest.param({"scp": ""}, 403, id="empty-scope"),
        pytest.param({}, 403, id="neither"),
    ],
)
def test_permissions_come_from_the_claim_of_the_kind_of_token(
    service: Service, claims: dict[str, Any], status: int
) -> None:
    """Scopes count for users and roles for applications, never the one for the other (contract §6.1)."""
    token = Mint(service.keys).token(
        good_claims(roles=None, oid=USER, **claims) if "roles" not in claims else good_claims(oid=USER, **claims)
    )
    reply = service.http.get(EVENTS, headers={"Authorization": f"Bearer {token}"})
    assert reply.status_code == status, reply.text
    if status == 403:
        assert READ in refused(reply, 403, "Forbidden")["message"]


def good_claims(**changes: Any) -> dict[str, Any]:
    """Claims of an application that may write, valid now; a change to None removes one."""
    now = int(time.time())
    tenant = changes.pop("tenant", "1a1a1a1a-2b2b-4c3c-8d4d-5e5e5e5e5e5e")
    claims = {
        "aud": AUDIENCE,
        "iss": issuer_of(tenant),
        "tid": tenant,
        "azp": APP,
        "roles": [WRITE],
        "iat": now,
        "nbf": now,
        "exp": now + 3600,
        "uti": "token",
        "ver": "2.0",
    }
    return {name: value for name, value in {**claims, **changes}.items() if value is not None}


def _now(seconds: int) -> int:
    return int(time.time()) + seconds


TOKENS = [
    pytest.param(lambda mint: mint.token(good_claims()), 200, "", id="good"),
    pytest.param(lambda _: "", 401, "empty", id="empty"),
    pytest.param(lambda _: "x", 401, "80049217", id="no-token"),
    pytest.param(lambda _: "a.b.c", 401, "80049217", id="three-letters"),
    pytest.param(lambda mint: mint.token(good_claims(exp=_now(-3600), nbf=_now(-7200))), 401, "expired", id="expired"),
    pytest.param(lambda mint: mint.token(good_claims(nbf=_now(3600))), 401, "not yet valid", id="not-yet-valid"),
    pytest.param(lambda mint: mint.token(good_claims(exp=None)), 401, "80049217", id="endless"),
    pytest.param(lambda mint: mint.token(good_claims(aud="https://graph.microsoft.com")), 401, "audience", id="aud"),
    pytest.param(lambda mint: mint.token(good_claims(aud=None)), 401, "", id="no-audience"),
    pytest.param(lambda mint: mint.token(good_claims(iss="https://evil.example/")), 401, "", id="issuer"),
    pytest.param(
        lambda mint: mint.token(good_claims(iss=issuer_of("66666666-2222-4333-8444-555555555555"))),
        401,
        "",
        id="issuer-of-another-tenant",
    ),
    pytest.param(lambda mint: mint.token(good_claims(tid=None)), 401, "", id="no-tenant"),
    pytest.param(lambda mint: mint.token(good_claims(tid="*")), 401, "", id="tenant-that-is-none"),
    pytest.param(lambda mint: mint.token(good_claims(), kid="nobody"), 401, "", id="unknown-key"),
    pytest.param(lambda mint: mint.token(good_claims(), kid=None), 401, "", id="no-key-named"),
    pytest.param(lambda mint: mint.token(good_claims())[:-4] + "AAAA", 401, "ignature", id="broken-signature"),
    pytest.param(lambda mint: mint.token(good_claims()).rpartition(".")[0] + ".", 401, "", id="no-signature"),
    pytest.param(
        lambda mint: forge(mint.header | {"alg": "none"}, msgspec.json.encode(good_claims()), lambda _: b""),
        401,
        "",
        id="alg-none",
    ),
    pytest.param(
        lambda mint: forge(
            mint.header | {"alg": "HS256"}, msgspec.json.encode(good_claims()), mint.sign_with_public_key_as_secret
        ),
        401,
        "",
        id="public-key-as-secret",
    ),
    pytest.param(lambda _: Mint(generate_signing_keys()).token(good_claims()), 401, "", id="signed-by-a-stranger"),
    pytest.param(lambda mint: mint.token(good_claims(tenant=PERSONAL)), 403, "", id="personal-account"),
    pytest.param(
        lambda mint: mint.token(good_claims(idp=f"https://sts.windows.net/{PERSONAL}/")), 403, "", id="personal-idp"
    ),
]


@pytest.mark.parametrize(("make", "status", "message"), TOKENS)
def test_every_token_is_verified(service: Service, make: Callable[[Mint], str], status: int, message: str) -> None:
    """401 with `WWW-Authenticate` for what does not verify, for every operation, before anything else is looked at."""
    headers = {"Authorization": f"Bearer {make(Mint(service.keys))}".strip()}
    for method, path in (("GET", EVENTS), ("PATCH", f"{EVENTS}/x"), ("POST", EVENTS), ("GET", "/v1.0/$metadata")):
        reply = service.http.request(method, path, headers=headers)
        if status == 200:
            assert reply.status_code not in (401, 403)
        elif status == 401:
            error = refused(reply, 401, "InvalidAuthenticationToken")
            assert message in error["message"]
            assert reply.headers["www-authenticate"].startswith('Bearer realm=""')
        else:
            refused(reply, 403, "Forbidden")
            assert "www-authenticate" not in reply.headers


def test_authentication_comes_before_everything_else(service: Service) -> None:
    """Without a token nothing is told about paths, options, methods or bodies."""
    for method, path in (
        ("GET", "/v1.0/no/such/path"),
        ("GET", f"{EVENTS}?$filter=nonsense"),
        ("PUT", EVENTS),
        ("POST", EVENTS),
        ("POST", "/v1.0/$batch"),
    ):
        refused(service.http.request(method, path, content=b"{"), 401, "InvalidAuthenticationToken")


@pytest.mark.parametrize("root", ROOTS)
def test_a_tenant_sees_nothing_of_another(service: Service, root: str) -> None:
    """The same requests with the same keys meet nothing in another tenant, and change nothing there."""
    mine, theirs = service.client(user=USER), service.client(user=USER)
    event = mine.create(root, userId=USER, failureReason="secret")
    item = f"{root}/{event['id']}"
    before = mine.get(item).content
    for path in (item, f"{root}('{event['id']}')", f"{item}/{CAST}", f"{root}/{CAST}/{event['id']}"):
        refused(theirs.get(path), 404, "ResourceNotFound")
        assert theirs("HEAD", path).status_code == 404
        refused(theirs.patch(path, {"osVersion": "x"}), 404, "ResourceNotFound")
        refused(theirs.patch(path, {"osVersion": "x"}, If_Match="*"), 404, "ResourceNotFound")
        refused(theirs.delete(path), 404, "ResourceNotFound")
    for query in ("", "?$filter=true", f"?$filter=id eq '{event['id']}'", "?$orderby=failureReason", "?$count=true"):
        found = theirs.get(f"{root}{query}").json()
        assert (found["value"], found.get("@odata.count", 0)) == ([], 0)
    assert theirs.get(f"{root}/$count").text == "0"
    assert theirs.get(f"{root}/$count?$filter=failureReason eq 'secret'").text == "0"
    assert mine.get(item).content == before


def test_what_is_there_for_others_looks_like_what_is_nowhere(service: Service) -> None:
    """The answer to another tenant's key is, but for key and ids, that to a key that never was."""
    mine, theirs = service.client(), service.client()
    key = mine.create()["id"]
    nowhere = str(uuid.uuid4())
    for method in ("GET", "PATCH", "DELETE"):
        answers = [
            (
                reply.status_code,
                re.sub(r'"innerError":\{[^}]*\}', "", reply.text.replace(known, "KEY")),
                sorted(reply.headers),
            )
            for known in (key, nowhere)
            for reply in [theirs(method, f"{EVENTS}/{known}", {} if method == "PATCH" else None)]
        ]
        assert answers[0] == answers[1]


def test_keys_cannot_be_taken_from_another_tenant(service: Service) -> None:
    """A key in a body never decides where an event goes: a new one is made, and the other tenant's stays."""
    mine, theirs = service.client(), service.client()
    event = mine.create(failureReason="mine")
    created = theirs.post(EVENTS, {"id": event["id"], "failureReason": "theirs"}).json()
    assert created["id"] != event["id"]
    assert mine.get(f"{EVENTS}/{event['id']}").json() == event
    assert mine.get(f"{EVENTS}/$count").text == "1"


def test_a_batch_stays_in_the_tenant_of_its_token(service: Service) -> None:
    """Requests inside a batch see what the caller of the batch sees."""
    mine, theirs = service.client(), service.client()
    key = mine.create()["id"]
    parts = [
        {"id": "1", "method": "GET", "url": f"/deviceManagement/troubleshootingEvents/{key}"},
        {"id": "2", "method": "DELETE", "url": f"/deviceManagement/troubleshootingEvents/{key}"},
        {"id": "3", "method": "GET", "url": "/deviceManagement/troubleshootingEvents/$count"},
    ]
    answers = {item["id"]: item for item in theirs.post("/v1.0/$batch", {"requests": parts}).json()["responses"]}
    assert [answers[name]["status"] for name in ("1", "2")] == [404, 404]
    assert mine.get(f"{EVENTS}/{key}").status_code == 200


def test_one_token_of_many_in_use_is_never_taken_for_another(service: Service) -> None:
    """Tokens that are cached stay apart: each caller goes on seeing its own tenant."""
    clients: list[Client] = [service.client() for _ in range(5)]
    keys = [client.create()["id"] for client in clients]
    for _ in range(3):
        for client, key in zip(clients, keys, strict=True):
            assert [item["id"] for item in client.get(EVENTS).json()["value"]] == [key]
