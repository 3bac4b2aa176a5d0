"""gzip: long answers, for who accepts it (RFC 9110 §8.4.1, §12.5.3)."""

import gzip

import httpx
import pytest

from enrollscope.api.compression import accepts_gzip
from tests.api.service import EVENTS, Client, Service

THRESHOLD = 2048


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        pytest.param("", False, id="absent"),
        pytest.param("gzip", True, id="alone"),
        pytest.param("gzip, deflate", True, id="sdk"),
        pytest.param("br;q=1.0, GZIP;q=0.8, *;q=0.1", True, id="browser"),
        pytest.param("x-gzip", True, id="old-name"),
        pytest.param("*", True, id="anything"),
        pytest.param("identity", False, id="identity"),
        pytest.param("deflate, br, zstd", False, id="others"),
        pytest.param("gzip;q=0", False, id="refused"),
        pytest.param("gzip; q=0.000, *", False, id="refused-by-name"),
        pytest.param("*;q=0", False, id="nothing"),
        pytest.param("gzip;q=0.001", True, id="unloved"),
        pytest.param("gzipped", False, id="other-name"),
    ],
)
def test_accept_encoding_is_read(header: str, accepted: bool) -> None:
    """A name counts more than the wildcard, and a quality of zero refuses."""
    assert accepts_gzip(header) is accepted


def raw(service: Service, client: Client, path: str, encoding: str) -> tuple[httpx.Headers, bytes]:
    """Headers and bytes as they are on the wire."""
    headers = {"Authorization": f"Bearer {client.token}", "Accept-Encoding": encoding}
    with service.http.stream("GET", path, headers=headers) as reply:
        assert reply.status_code == 200
        return reply.headers, b"".join(reply.iter_raw())


@pytest.mark.parametrize("events", [pytest.param(8, id="page"), pytest.param(400, id="long-page-in-a-thread")])
def test_a_long_answer_is_compressed(service: Service, events: int) -> None:
    """The bytes are those of the plain answer, and fewer."""
    client = service.client()
    for _ in range(events):
        client.create()
    headers, plain = raw(service, client, EVENTS, "identity")
    assert (headers.get("content-encoding"), headers["vary"]) == (None, "Accept-Encoding")
    assert len(plain) > THRESHOLD
    headers, compressed = raw(service, client, EVENTS, "gzip, deflate")
    assert headers["content-encoding"] == "gzip"
    assert headers["vary"] == "Accept-Encoding"
    assert int(headers["content-length"]) == len(compressed) < len(plain) / 2
    assert gzip.decompress(compressed) == plain


def test_a_short_answer_is_not(service: Service, client: Client) -> None:
    """A single event fits into one packet as it is."""
    event = client.create()
    headers, body = raw(service, client, f"{EVENTS}/{event['id']}", "gzip")
    assert "content-encoding" not in headers
    assert len(body) < THRESHOLD


def test_the_tag_does_not_depend_on_compression(service: Service, client: Client) -> None:
    """The tag is weak: both forms are the same entity, and either tag fits If-Match."""
    event = client.create(failureReason="x" * THRESHOLD)
    path = f"{EVENTS}/{event['id']}"
    (compressed, _), (plain, _) = raw(service, client, path, "gzip"), raw(service, client, path, "identity")
    assert compressed["content-encoding"] == "gzip"
    assert compressed["etag"] == plain["etag"]
    assert client.patch(path, {"osVersion": "11"}, If_Match=compressed["etag"]).status_code == 200


def test_the_metadata_document_is_compressed(service: Service, client: Client) -> None:
    """Whatever its media type, every answer is text."""
    headers, body = raw(service, client, "/v1.0/$metadata", "gzip")
    assert headers["content-type"].startswith("application/xml")
    assert headers["content-encoding"] == "gzip"
    assert gzip.decompress(body).startswith(b"<?xml")


def test_head_tells_the_length_that_get_has(service: Service, client: Client) -> None:
    """HEAD answers with the headers of GET."""
    event = client.create(failureReason="x" * THRESHOLD)
    path = f"{EVENTS}/{event['id']}"
    headers, body = raw(service, client, path, "gzip")
    head = client("HEAD", path, Accept_Encoding="gzip").headers
    assert (head["content-encoding"], head["content-length"]) == ("gzip", str(len(body)))
    assert head["etag"] == headers["etag"]
