"""Scripts in browsers: the preflight, and what they may read of an answer (Fetch standard §3.3; contract §5.4)."""

from collections.abc import Iterator

import pytest

from tests.api.service import EVENTS, Client, Service, refused, serving, settings_for, store_of

ORIGIN = "https://portal.example"
OTHER = "https://elsewhere.example"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "PATCH"}
EXPOSED = "ETag, Location, Preference-Applied, Content-Range, request-id, client-request-id, Retry-After"


@pytest.fixture(scope="module")
def selective(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that lets in one origin."""
    settings = settings_for(tmp_path_factory.mktemp("selective"), cors_origins=(ORIGIN,))
    with serving(settings, store_of(settings)) as service:
        yield service


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that lets in none."""
    settings = settings_for(tmp_path_factory.mktemp("closed"), cors_origins=())
    with serving(settings, store_of(settings)) as service:
        yield service


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(EVENTS, id="collection"),
        pytest.param(f"{EVENTS}/any", id="entity"),
        pytest.param("/beta/$batch", id="batch"),
        pytest.param("/v1.0/nowhere", id="unknown-segment"),
        pytest.param("/common/discovery/v2.0/keys", id="keys"),
    ],
)
def test_a_preflight_needs_no_token(service: Service, path: str) -> None:
    """A browser sends none with it; the answer allows what was asked and holds for an hour."""
    reply = service.http.options(
        path, headers=PREFLIGHT | {"Access-Control-Request-Headers": "authorization,sdkversion"}
    )
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "PATCH" in reply.headers["access-control-allow-methods"].split(", ")
    assert reply.headers["access-control-allow-headers"] == "authorization,sdkversion"
    assert reply.headers["access-control-max-age"] == "3600"
    assert reply.headers["request-id"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param({}, 401, id="bare"),
        pytest.param({"Origin": ORIGIN}, 401, id="no-method-asked-for"),
        pytest.param({"Access-Control-Request-Method": "PATCH"}, 401, id="no-origin"),
    ],
)
def test_any_other_options_is_a_request_like_others(service: Service, headers: dict[str, str], status: int) -> None:
    """Only a preflight goes without a token."""
    assert service.http.options(EVENTS, headers=headers).status_code == status


@pytest.mark.parametrize(
    "names",
    [
        pytest.param("a,,b", id="gap"),
        pytest.param("a b", id="blank"),
        pytest.param('a"b', id="quote"),
        pytest.param("", id="empty"),
    ],
)
def test_header_names_that_are_none_are_not_allowed(service: Service, names: str) -> None:
    """What is echoed is a list of header names or nothing."""
    reply = service.http.options(EVENTS, headers=PREFLIGHT | {"Access-Control-Request-Headers": names})
    assert reply.status_code == 204
    assert "access-control-allow-headers" not in reply.headers


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        pytest.param(EVENTS, True, 200, id="success"),
        pytest.param(f"{EVENTS}/nowhere", True, 404, id="not-found"),
        pytest.param(f"{EVENTS}?$filter=x", True, 400, id="wrong"),
        pytest.param(EVENTS, False, 401, id="no-token"),
        pytest.param("/readyz", False, 200, id="readiness"),
    ],
)
def test_a_script_may_read_every_answer(service: Service, path: str, token: bool, status: int) -> None:
    """Errors too, or the script could not tell why it failed; beside the body it sees the headers that matter to it."""
    headers = {"Authorization": f"Bearer {service.client().token}"} if token else {}
    reply = service.http.get(path, headers=headers | {"Origin": ORIGIN})
    assert reply.status_code == status
    assert reply.headers["access-control-allow-origin"] == "*"
    assert reply.headers["access-control-expose-headers"] == EXPOSED
    assert "access-control-allow-credentials" not in reply.headers


def test_who_is_no_browser_gets_no_headers_for_browsers(client: Client) -> None:
    """Without `Origin` nothing is added."""
    assert not [name for name in client.get(EVENTS).headers if name.startswith("access-control")]


def test_an_origin_can_be_let_in_by_name(selective: Service) -> None:
    """Then the answer names it, and caches keep it apart from others."""
    client = selective.client()
    reply = client.get(EVENTS, Origin=ORIGIN)
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers.get_list("vary", split_commas=True) == ["Accept-Encoding", "Origin"]
    assert selective.http.options(EVENTS, headers=PREFLIGHT).headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("origin", [OTHER, f"{ORIGIN}:8443", "http://portal.example", "null", f"{ORIGIN}.evil.example"])
def test_an_origin_that_is_not_let_in(selective: Service, origin: str) -> None:
    """Its preflight is refused, and no answer lets its script read on: the header that does is not there."""
    preflight = selective.http.options(EVENTS, headers=PREFLIGHT | {"Origin": origin})
    assert refused(preflight, 403, "Forbidden")["target"] == "Origin"
    plain = selective.client().get(EVENTS, Origin=origin)
    assert plain.status_code == 200
    assert not [name for name in [*preflight.headers, *plain.headers] if name.startswith("access-control")]


def test_no_origin_need_be_let_in(closed: Service) -> None:
    """`none` closes the service to scripts."""
    refused(closed.http.options(EVENTS, headers=PREFLIGHT), 403, "Forbidden")
    assert "access-control-allow-origin" not in closed.client().get(EVENTS, Origin=ORIGIN).headers
