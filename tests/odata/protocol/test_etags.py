import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enrollscope.odata.errors import BadRequest
from enrollscope.odata.plan.commands import Wildcard
from enrollscope.odata.protocol.etags import etag, parse_etags


@pytest.mark.parametrize(
    ("header", "versions"),
    [
        pytest.param('W/"3"', {3}, id="weak"),
        pytest.param('"3"', {3}, id="strong"),
        pytest.param('W/"3", "4" ,W/"5"', {3, 4, 5}, id="list"),
        pytest.param('"3",, "4",', {3, 4}, id="empty-elements"),
        pytest.param(' \tW/"3"\t ', {3}, id="blanks-around"),
        pytest.param('"abc"', {-1}, id="unknown"),
        pytest.param('"a,b", "3"', {-1, 3}, id="comma-inside"),
        pytest.param('""', {-1}, id="empty-tag"),
        pytest.param('"03"', {-1}, id="leading-zero"),
        pytest.param('"-1"', {-1}, id="negative"),
        pytest.param('"٣"', {-1}, id="digit-of-another-script"),
        pytest.param(f'"{"9" * 5000}"', {-1}, id="endless"),
    ],
)
def test_lists_of_entity_tags(header: str, versions: set[int]) -> None:
    """Tags become versions, weak and strong alike; one that is not ours is a version that no entity has."""
    assert parse_etags(header) == frozenset(versions)


@pytest.mark.parametrize("header", [pytest.param("*", id="plain"), pytest.param(" * ", id="blanks-around")])
def test_any_version(header: str) -> None:
    """`*` stands for whatever there is."""
    assert parse_etags(header) is Wildcard.ANY_VERSION


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("", id="empty"),
        pytest.param(", ,", id="commas"),
        pytest.param("3", id="without-quotes"),
        pytest.param("W/3", id="weak-without-quotes"),
        pytest.param('w/"3"', id="small-w"),
        pytest.param('"3', id="open-quote"),
        pytest.param('"3" "4"', id="without-comma"),
        pytest.param('*, "3"', id="wildcard-in-list"),
        pytest.param('"a b"', id="blank-inside"),
        pytest.param('"a\x7f"', id="control-character"),
    ],
)
def test_what_is_no_entity_tag(header: str) -> None:
    """A precondition that cannot be read is an error, since ignoring it would lose an update."""
    with pytest.raises(BadRequest) as caught:
        parse_etags(header, "If-None-Match")
    assert caught.value.target == "If-None-Match"
    assert "If-None-Match" in caught.value.message


@settings(deadline=None)  # a busy machine is no defect
@given(st.lists(st.integers(1, 10**17), min_size=1))
def test_tags_given_out_are_known_again(versions: list[int]) -> None:
    """What `etag` writes, `parse_etags` reads."""
    assert parse_etags(", ".join(etag(version) for version in versions)) == frozenset(versions)
