"""Resource paths against a model: what a URL reaches, and how answers name it."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from enrollscope.odata.binding.resources import (
    BatchEndpoint,
    Collection,
    CollectionCount,
    Member,
    MetadataDocument,
    PropertyOf,
    Resource,
    Resources,
    ServiceRoot,
)
from enrollscope.odata.errors import BadRequest, NotBuilt, ODataError
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.grammar.path import parse_path
from enrollscope.odata.plan.commands import LinkedTo
from tests.model.reading import MODELS

USER = "0b0b0b0b-1111-4222-8333-444444444444"
EVENTS = "deviceManagement/troubleshootingEvents"
CAST = "microsoft.graph.enrollmentTroubleshootingEvent"
GUID = "6f1c0000-0000-4000-8000-00000000000a"
VPP = "microsoft.graph.appleVppTokenTroubleshootingEvent"

BASE = "deviceManagementTroubleshootingEvent"
ENROLLMENT = "enrollmentTroubleshootingEvent"
APPLE = "appleVppTokenTroubleshootingEvent"


def resolve(path: str, version: str = "v1.0", user: str | None = USER) -> Resource:
    """Resolve a raw path with nothing remembered."""
    return Resources(MODELS[version]).resolve(parse_path(path), user)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("", ServiceRoot, id="root"),
        pytest.param("/", ServiceRoot, id="root-with-slash"),
        pytest.param("$metadata", MetadataDocument, id="metadata"),
        pytest.param("$batch", BatchEndpoint, id="batch"),
        pytest.param(EVENTS, Collection, id="collection"),
        pytest.param(f"{EVENTS}/{CAST}", Collection, id="cast"),
        pytest.param(f"{EVENTS}/{CAST}/{CAST}", Collection, id="cast-twice"),
        pytest.param(f"{EVENTS}/$count", CollectionCount, id="count"),
        pytest.param(f"{EVENTS}/{CAST}/$count", CollectionCount, id="count-of-cast"),
        pytest.param(f"{EVENTS}/x", Member, id="member"),
        pytest.param(f"{EVENTS}('x')", Member, id="member-in-parentheses"),
        pytest.param(f"{EVENTS}/x/{CAST}", Member, id="member-cast"),
        pytest.param(f"{EVENTS}/{CAST}/x", Member, id="cast-member"),
        pytest.param(f"{EVENTS}/%24count", CollectionCount, id="encoded-dollar"),
    ],
)
def test_what_a_path_names(path: str, kind: type[Any]) -> None:
    """Each form of path is one kind of resource."""
    assert isinstance(resolve(path), kind)


@pytest.mark.parametrize(
    ("path", "version", "types"),
    [
        pytest.param(EVENTS, "v1.0", {BASE, ENROLLMENT, APPLE}, id="everything-even-what-v1-cannot-name"),
        pytest.param(EVENTS, "beta", {BASE, ENROLLMENT, APPLE}, id="everything"),
        pytest.param(f"{EVENTS}/{CAST}", "v1.0", {ENROLLMENT}, id="cast"),
        pytest.param(f"{EVENTS}/{VPP}", "beta", {APPLE}, id="cast-to-a-type-of-beta"),
        pytest.param(f"{EVENTS}/microsoft.graph.{BASE}", "v1.0", {BASE, ENROLLMENT, APPLE}, id="cast-to-the-declared"),
        pytest.param(f"{EVENTS}/microsoft.graph.entity", "v1.0", {BASE, ENROLLMENT, APPLE}, id="cast-to-an-ancestor"),
        pytest.param("users/u/deviceManagementTroubleshootingEvents", "v1.0", {ENROLLMENT}, id="user"),
        pytest.param("users/u/deviceManagementTroubleshootingEvents", "beta", {ENROLLMENT}, id="user-of-beta"),
        pytest.param(f"users/u/deviceManagementTroubleshootingEvents/{VPP}", "beta", set(), id="user-never-has-it"),
    ],
)
def test_which_stored_types_a_path_reaches(path: str, version: str, types: set[str]) -> None:
    """A cast narrows, a link leaves out what lacks its property, and a view still reaches what it cannot name."""
    resource = resolve(path, version)
    assert isinstance(resource, Collection)
    assert resource.scope.types == types


ALL_CONTEXT = EVENTS
USER_PATH = "deviceManagementTroubleshootingEvents"


@pytest.mark.parametrize(
    ("path", "context", "canonical", "cast"),
    [
        pytest.param(EVENTS, EVENTS, EVENTS, "", id="plain"),
        pytest.param("DEVICEMANAGEMENT/troubleshootingevents", EVENTS, EVENTS, "", id="any-case"),
        pytest.param(f"{EVENTS}/graph.{ENROLLMENT}", f"{EVENTS}/{CAST}", EVENTS, f"/{CAST}", id="cast-by-alias"),
        pytest.param(f"{EVENTS}/{CAST}/{CAST}", f"{EVENTS}/{CAST}", EVENTS, f"/{CAST}", id="cast-twice"),
        pytest.param(f"{EVENTS}/microsoft.graph.{BASE}", EVENTS, EVENTS, "", id="cast-to-the-declared"),
        pytest.param(
            f"users/a%2Fb/{USER_PATH}", f"users('a%2Fb')/{USER_PATH}", f"users/a%2Fb/{USER_PATH}", "", id="slash"
        ),
        pytest.param(
            f"users('o''n')/{USER_PATH}", f"users('o%27%27n')/{USER_PATH}", f"users/o%27n/{USER_PATH}", "", id="quote"
        ),
        pytest.param(
            f"users/al@x.org/{USER_PATH}",
            f"users('al%40x.org')/{USER_PATH}",
            f"users/al%40x.org/{USER_PATH}",
            "",
            id="at",
        ),
        pytest.param(f"me/{USER_PATH}", f"users('{USER}')/{USER_PATH}", f"me/{USER_PATH}", "", id="me"),
        pytest.param(
            f"users/me-token-to-replace/{USER_PATH}",
            f"users('{USER}')/{USER_PATH}",
            f"users/{USER}/{USER_PATH}",
            "",
            id="the-sdks-me",
        ),
    ],
)
def test_how_answers_name_a_collection(path: str, context: str, canonical: str, cast: str) -> None:
    """Context and address are canonical, percent-encoded, and spell `/me` as the user in the context alone."""
    resource = resolve(path)
    assert isinstance(resource, Collection)
    scope = resource.scope
    assert (scope.context, scope.path, scope.cast) == (context, canonical, cast)


@pytest.mark.parametrize(
    ("path", "links"),
    [
        pytest.param(EVENTS, (), id="nobodys"),
        pytest.param(f"users/Bob/{USER_PATH}", (LinkedTo("userId", "Bob"),), id="users"),
        pytest.param(f"me/{USER_PATH}", (LinkedTo("userId", USER),), id="mine"),
    ],
)
def test_what_a_path_demands_of_each_entity(path: str, links: tuple[LinkedTo, ...]) -> None:
    """The key of the source, as written, is what the linking property must equal."""
    resource = resolve(path)
    assert isinstance(resource, Collection)
    assert resource.scope.links == links


@pytest.mark.parametrize(
    ("path", "key"),
    [
        pytest.param(
            f"{EVENTS}/6F1C0000-0000-4000-8000-00000000000A", "6f1c0000-0000-4000-8000-00000000000a", id="guid"
        ),
        pytest.param(
            f"{EVENTS}('6F1C0000-0000-4000-8000-00000000000A')",
            "6f1c0000-0000-4000-8000-00000000000a",
            id="guid-quoted",
        ),
        pytest.param(f"{EVENTS}/Key", "Key", id="case-counts-otherwise"),
        pytest.param(f"{EVENTS}/a%20b%2Fc", "a b/c", id="encoded"),
        pytest.param(f"{EVENTS}('O''Neil')", "O'Neil", id="doubled-quote"),
        pytest.param(f"{EVENTS}(id='x')", "x", id="named"),
        pytest.param(f"{EVENTS}/a.b", "a.b", id="dot-of-no-namespace"),
        pytest.param(f"{EVENTS}/x()", "x()", id="parentheses-in-a-segment"),
        pytest.param(f"{EVENTS}/{CAST}('x')", "x", id="cast-with-key"),
    ],
)
def test_the_key_of_a_member(path: str, key: str) -> None:
    """A key is what was written, decoded; a GUID is in lower case, since GUIDs compare in any case."""
    resource = resolve(path)
    assert isinstance(resource, Member)
    assert resource.key == key


@pytest.mark.parametrize(
    ("path", "query", "key"),
    [
        pytest.param(f"{EVENTS}(@k)", "@k='x'", "x", id="key"),
        pytest.param(f"{EVENTS}(id=@k)", "@k='a%2Fb''c'", "a/b'c", id="named-key-with-a-slash"),
        pytest.param(f"{EVENTS}(%40k)", "@k='x'", "x", id="encoded"),
        pytest.param(f"{EVENTS}/{CAST}(@k)", "@k='x'", "x", id="behind-a-cast"),
        pytest.param(f"{EVENTS}(@k)/{CAST}", "@k='x'", "x", id="before-a-cast"),
        pytest.param(f"users(@u)/{USER_PATH}(@k)", "@u='Bob'&@k=@j&@j='x'", "x", id="source-and-alias-of-an-alias"),
        pytest.param(f"{EVENTS}(@k)", "@k='6F1C0000-0000-4000-8000-00000000000A'", GUID, id="guid"),
        pytest.param(f"{EVENTS}/@k", "@k='x'", "@k", id="a-segment-is-a-key-itself"),
    ],
)
def test_an_alias_stands_for_a_key(path: str, query: str, key: str) -> None:
    """Between the parentheses behind a name a parameter alias stands for the key that the request gives it."""
    resources = Resources(MODELS["v1.0"])
    for _ in range(2):
        resource = resources.find(path, USER, parse_options(query))
        assert isinstance(resource, Member)
        assert resource.key == key
        assert resource.scope.links in ((), (LinkedTo("userId", "Bob"),))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("", "The alias '@k' stands for no key", id="without-a-value"),
        pytest.param("@j='x'", "The alias '@k' stands for no key", id="another-one"),
        pytest.param("@k=@k", "The alias '@k' stands for no key", id="of-itself"),
        pytest.param("@k=@j&@j=@k", "stands for no key", id="in-a-circle"),
        pytest.param("@k=5", "must be a string", id="number"),
        pytest.param("@k=null", "must be a string", id="null"),
        pytest.param("@k='x", "@k", id="broken"),
    ],
)
def test_an_alias_that_is_no_key(query: str, message: str) -> None:
    """An alias that nothing is given to, or no string, is refused."""
    with pytest.raises(BadRequest, match=message):
        Resources(MODELS["v1.0"]).find(f"{EVENTS}(@k)", USER, parse_options(query))


@pytest.mark.parametrize(
    ("path", "error", "message"),
    [
        pytest.param("nothing", BadRequest, "Resource not found for the segment 'nothing'", id="root"),
        pytest.param("deviceManagement/nothing", BadRequest, "segment 'nothing'", id="navigation"),
        pytest.param(f"{EVENTS}/x/nothing", BadRequest, "segment 'nothing'", id="property"),
        pytest.param(f"{EVENTS}/x/eventName", BadRequest, "segment 'eventName'", id="property-of-beta"),
        pytest.param(f"{EVENTS}/microsoft.graph.nothing", BadRequest, "segment 'microsoft.graph.nothing'", id="type"),
        pytest.param(f"{EVENTS}/{VPP}", BadRequest, "segment", id="type-of-beta"),
        pytest.param(f"{EVENTS}/microsoft.graph.keyValuePair", BadRequest, "segment", id="complex-type"),
        pytest.param(f"{EVENTS}/microsoft.graph.user", BadRequest, "not related", id="unrelated-type"),
        pytest.param(f"{EVENTS}/$ref", BadRequest, "cannot be linked", id="ref"),
        pytest.param(f"{EVENTS}/x/$ref", BadRequest, "cannot be linked", id="ref-of-member"),
        pytest.param("$metadata/x", BadRequest, "segment 'x'", id="behind-metadata"),
        pytest.param(f"{EVENTS}/$count/x", BadRequest, "segment 'x'", id="behind-count"),
        pytest.param(f"{EVENTS}(5)", BadRequest, "single quotes", id="number-as-key"),
        pytest.param(f"{EVENTS}(id=5)", BadRequest, "single quotes", id="named-number-as-key"),
        pytest.param(f"{EVENTS}(null)", BadRequest, "single quotes", id="null-as-key"),
        pytest.param(f"{EVENTS}(name='x')", BadRequest, "'name' is not the key", id="no-such-key"),
        pytest.param(f"{EVENTS}(id='x',id='y')", BadRequest, "given twice", id="two-keys"),
        pytest.param(f"{EVENTS}/x/{CAST}('y')", BadRequest, "segment", id="a-second-key-behind-a-cast"),
        pytest.param("deviceManagement('x')/troubleshootingEvents", BadRequest, "segment", id="key-of-a-singleton"),
        pytest.param("deviceManagement", NotBuilt, "'deviceManagement' itself", id="singleton"),
        pytest.param("users", NotBuilt, "'users' itself", id="set"),
        pytest.param("users/u", NotBuilt, "'users/u' itself", id="member-of-a-set"),
        pytest.param("$entity", NotBuilt, "'$entity'", id="entity-by-id"),
        pytest.param(f"{EVENTS}/$filter(id eq 'x')/y", NotBuilt, "filtered", id="filter-segment"),
        pytest.param(f"{EVENTS}/x/failureReason/y", BadRequest, "segment 'y'", id="behind-a-value"),
        pytest.param(f"{EVENTS}/x/$value", NotBuilt, "'$value'", id="value"),
    ],
)
def test_paths_that_lead_nowhere(path: str, error: type[ODataError], message: str) -> None:
    """Wrong is 400 in Graph's words, valid and not offered is 501; both name the segment."""
    with pytest.raises(error) as refusal:
        resolve(path)
    assert message in refusal.value.message
    assert refusal.value.status == error.status


@pytest.mark.parametrize(
    ("path", "names", "tail"),
    [
        pytest.param(f"{EVENTS}/x/failureReason", ["failureReason"], "", id="derived"),
        pytest.param(f"{EVENTS}/x/ID", ["id"], "", id="any-case"),
        pytest.param(f"{EVENTS}('x')/{CAST}/osVersion/$value", ["osVersion"], "$value", id="value"),
        pytest.param(
            f"{EVENTS}/{CAST}/x/additionalInformation/$count", ["additionalInformation"], "$count", id="count"
        ),
        pytest.param(
            f"me/{USER_PATH}/x/troubleshootingErrorDetails/resources",
            ["troubleshootingErrorDetails", "resources"],
            "",
            id="inside",
        ),
    ],
)
def test_properties_of_an_entity(path: str, names: list[str], tail: str) -> None:
    """The way to it in canonical spelling, and what stands behind."""
    resource = resolve(path, "beta")
    assert isinstance(resource, PropertyOf)
    assert ([item.name for item in resource.path], resource.tail, resource.key) == (names, tail, "x")


@pytest.mark.parametrize("path", [f"me/{USER_PATH}", f"users/me-token-to-replace/{USER_PATH}"])
def test_me_needs_a_user(path: str) -> None:
    """An application is nobody's `/me`."""
    with pytest.raises(BadRequest, match="only valid with delegated authentication flow"):
        resolve(path, user=None)


def outcome(find: Callable[[], Resource]) -> tuple[Resource | type[ODataError], str]:
    """What was found, or how it was refused."""
    try:
        return find(), ""
    except ODataError as refusal:
        return type(refusal), refusal.message


def test_what_is_remembered_is_what_would_be_found() -> None:
    """Paths looked up again, in any order and by other users, resolve as if for the first time."""
    paths = [
        f"{EVENTS}/a",
        f"{EVENTS}/B",
        f"{EVENTS}/6F1C0000-0000-4000-8000-00000000000A",
        f"{EVENTS}/{CAST}/a",
        f"{EVENTS}/a/{CAST}",
        f"{EVENTS}/$count",
        f"{EVENTS}/a/",
        f"{EVENTS}//a",
        EVENTS,
        f"me/{USER_PATH}/a",
        f"users/u/{USER_PATH}/a",
        f"users/v/{USER_PATH}/a",
        "deviceManagement",
    ]
    resources = Resources(MODELS["v1.0"])
    for user in (USER, "another", None, USER):
        for path in paths + paths[::-1]:
            assert outcome(partial(resources.find, path, user)) == outcome(partial(resolve, path, user=user))


def test_few_collections_are_remembered() -> None:
    """Whatever clients ask for, what is remembered stays small and right."""
    resources = Resources(MODELS["v1.0"])
    for number in range(1_000):
        found = resources.find(f"{'/' * number}{EVENTS}/a", None)
        assert isinstance(found, Member)
        assert found.scope.path == EVENTS
