"""Method, path and options to a plan: what is allowed where, and what the numbers come to."""

import pytest

from enrollscope.odata.errors import BadRequest, MethodNotAllowed, NotBuilt, ODataError, PreconditionFailed, SyntaxFault
from enrollscope.odata.plan.bound import Bound
from enrollscope.odata.plan.commands import Precondition, Wildcard
from enrollscope.odata.plan.queries import Positions
from enrollscope.odata.plan.requests import (
    CountCollection,
    CreateEntity,
    DeleteEntity,
    Plan,
    ReadCollection,
    ReadEntity,
    ReadMetadata,
    ReadServiceDocument,
    RunBatch,
    UpdateEntity,
)
from enrollscope.odata.protocol.cursors import fingerprint
from enrollscope.odata.protocol.headers import Preferences
from tests.odata.bound import PATH, SIGNER, TENANT, bind, bind_list, shape
from tests.odata.observatory import CURRENT, OLD

ITEM = f"{PATH}/x"


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        pytest.param("GET", "", ReadServiceDocument, id="service-document"),
        pytest.param("HEAD", "", ReadServiceDocument, id="head-of-the-service-document"),
        pytest.param("GET", "$metadata", ReadMetadata, id="metadata"),
        pytest.param("POST", "$batch", RunBatch, id="batch"),
        pytest.param("GET", PATH, ReadCollection, id="list"),
        pytest.param("HEAD", PATH, ReadCollection, id="head-of-a-list"),
        pytest.param("GET", f"{PATH}/$count", CountCollection, id="count"),
        pytest.param("POST", PATH, CreateEntity, id="create"),
        pytest.param("GET", ITEM, ReadEntity, id="read"),
        pytest.param("HEAD", ITEM, ReadEntity, id="head"),
        pytest.param("PATCH", ITEM, UpdateEntity, id="update"),
        pytest.param("DELETE", ITEM, DeleteEntity, id="delete"),
    ],
)
def test_each_method_of_each_resource_is_one_plan(method: str, path: str, kind: type[Plan]) -> None:
    """What the request comes to is told by the type of the plan."""
    assert isinstance(bind(path, method=method), kind)


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        pytest.param("", "GET, HEAD", id="service-document"),
        pytest.param("$metadata", "GET, HEAD", id="metadata"),
        pytest.param("$batch", "POST", id="batch"),
        pytest.param(PATH, "GET, HEAD, POST", id="collection"),
        pytest.param(f"{PATH}/$count", "GET, HEAD", id="count"),
        pytest.param(ITEM, "GET, HEAD, PATCH, DELETE", id="entity"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE", "PUT", "OPTIONS", "MERGE"])
def test_other_methods_are_405_with_allow(method: str, path: str, allow: str) -> None:
    """Exactly the methods that `Allow` lists are not refused."""
    if method in allow.split(", "):
        bind(path, method=method)
        return
    with pytest.raises(MethodNotAllowed) as refusal:
        bind(path, method=method)
    assert refusal.value.headers["Allow"] == allow


def test_a_precondition_goes_with_the_plan() -> None:
    """Reads, updates and deletions of one entity carry the client's conditions."""
    condition = Precondition(match=frozenset({3}), none_match=Wildcard.ANY_VERSION)
    for method in ("GET", "PATCH", "DELETE"):
        plan = bind(ITEM, method=method, precondition=condition)
        assert isinstance(plan, ReadEntity | UpdateEntity | DeleteEntity)
        assert plan.precondition is condition
        assert plan.key == "x"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        pytest.param("GET", PATH, id="list"),
        pytest.param("POST", PATH, id="create"),
        pytest.param("GET", f"{PATH}/$count", id="count"),
        pytest.param("POST", "$batch", id="batch"),
        pytest.param("GET", "$metadata", id="metadata"),
    ],
)
def test_what_has_no_tag_is_at_no_version(method: str, path: str) -> None:
    """`If-Match` with a tag fails wherever there is no tag, rather than being ignored; `*` and `If-None-Match` hold."""
    bind(path, method=method, precondition=Precondition(match=Wildcard.ANY_VERSION, none_match=frozenset({1})))
    with pytest.raises(PreconditionFailed) as refusal:
        bind(path, method=method, precondition=Precondition(match=frozenset({1})))
    assert refusal.value.target == "If-Match"


@pytest.mark.parametrize(
    ("query", "preferred", "size", "limit", "skip", "total"),
    [
        pytest.param("", None, 100, 101, 0, False, id="default"),
        pytest.param("$top=7", None, 7, 8, 0, False, id="top"),
        pytest.param("top=7", None, 7, 8, 0, False, id="without-dollar"),
        pytest.param("$top=0", None, 0, 0, 0, False, id="nothing"),
        pytest.param("$top=0&$count=true", None, 0, 0, 0, True, id="only-the-count"),
        pytest.param("$top=1000", None, 100, 101, 0, False, id="more-than-a-page"),
        pytest.param("$skip=5", None, 100, 101, 5, False, id="skip"),
        pytest.param("$count=TRUE&$top=1&$skip=2", None, 1, 2, 2, True, id="all-of-them"),
        pytest.param("$count=false", None, 100, 101, 0, False, id="no-count"),
        pytest.param("", 10, 10, 11, 0, False, id="preferred"),
        pytest.param("$top=7", 10, 7, 8, 0, False, id="top-below-the-preference"),
        pytest.param("$top=20", 10, 10, 11, 0, False, id="preference-below-top"),
        pytest.param("", 5000, 100, 101, 0, False, id="preference-above-a-page"),
    ],
)
def test_page_sizes(query: str, preferred: int | None, size: int, limit: int, skip: int, total: bool) -> None:
    """The smallest of `$top`, preference and setting is the page; one record more shows whether there is another."""
    plan = bind_list(query, preferences=Preferences(page_size=preferred))
    assert (plan.page_size, plan.paging.limit, plan.paging.skip, plan.paging.total) == (size, limit, skip, total)


def spelt(plan: ReadCollection) -> list[str]:
    """The order of a plan, `-` in front of what descends."""
    return [
        f"{'-' if item.descending else ''}{shape(item.expression, plan.paging.parameters)}" for item in plan.query.order
    ]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        pytest.param("", ["code"], id="none"),
        pytest.param("$orderby=label", ["label", "code"], id="one"),
        pytest.param("$orderby=label asc", ["label", "code"], id="ascending"),
        pytest.param("$orderby=LABEL DESC", ["-label", "-code"], id="descending-in-any-case"),
        pytest.param("$orderby=label desc,band", ["-label", "band", "code"], id="two"),
        pytest.param("$orderby=code desc", ["-code"], id="key"),
        pytest.param("$orderby=code,label", ["code", "label"], id="key-first"),
        pytest.param("$orderby=mirrors", ["mirrors", "code"], id="of-a-derived-type"),
        pytest.param("$orderby=sky.dish/gainFactor", ["(of dish gainFactor)", "code"], id="behind-a-cast"),
        pytest.param("$orderby=length(label) desc", ["-(length label)", "-code"], id="expression"),
        pytest.param(
            "$orderby=int16Value add 1", ["(add:Int32 int16Value 1:Int32)", "code"], id="expression-with-literal"
        ),
    ],
)
def test_every_order_is_total(text: str, order: list[str]) -> None:
    """The key is the last word, in the direction of what stands before it, unless it is there already."""
    assert spelt(bind_list(text)) == order


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "colour", "Could not find a property named 'colour' on type 'example.sky.instrument'", id="unknown"
        ),
        pytest.param("labl", "Did you mean 'label'?", id="misspelt"),
        pytest.param("bands", "'bands' is a collection", id="collection"),
        pytest.param("label eq 5", "incompatible types", id="wrong-types"),
    ],
)
def test_a_wrong_order_is_told_as_such(text: str, message: str) -> None:
    """Faults in `$orderby` are worded for `$orderby`."""
    with pytest.raises(BadRequest) as refusal:
        bind_list(f"$orderby={text}")
    assert refusal.value.message.startswith("Invalid orderby clause: ")
    assert message in refusal.value.message
    assert refusal.value.target == "$orderby"


@pytest.mark.parametrize(
    ("path", "query", "where"),
    [
        pytest.param(PATH, "", None, id="everything"),
        pytest.param(f"{PATH}/sky.antenna", "", "(is antenna|dish)", id="cast"),
        pytest.param(
            f"{PATH}/sky.dish", "$filter=diameter eq null", "(and (is dish) (eq diameter null))", id="cast-and-filter"
        ),
    ],
)
def test_what_the_path_demands_is_part_of_the_question(path: str, query: str, where: str | None) -> None:
    """A type segment and a filter must both hold."""
    plan = bind_list(query, path)
    assert spelt_where(plan.query.where, plan) == where


def spelt_where(where: Bound | None, plan: ReadCollection) -> str | None:
    """The condition of a plan."""
    return None if where is None else shape(where, plan.paging.parameters)


def test_a_link_is_part_of_the_question() -> None:
    """Below a source only what is linked to it matches, also when counting, whatever the filter says."""
    plan = bind_list("$filter=label eq 'a' or true", "observers/O'N/gear")
    where = spelt_where(plan.query.where, plan)
    assert where is not None
    assert where.startswith("(and (")
    assert '(same observer "O\'N":String)' in where
    assert where.endswith("(or (eq label 'a':String) True:Boolean))")
    counted = bind("observers/O'N/gear/$count", "$filter=label eq 'a' or true")
    assert isinstance(counted, CountCollection)
    assert counted.query.where == plan.query.where
    assert counted.paging.parameters == plan.paging.parameters


@pytest.mark.parametrize(
    ("text", "properties", "written"),
    [
        pytest.param("code,label", ("code", "label"), "code,label", id="in-order"),
        pytest.param("label,code", ("label", "code"), "label,code", id="in-the-other-order"),
        pytest.param("LABEL", ("label",), "label", id="canonical"),
        pytest.param("label, code", ("label", "code"), "label,code", id="blank"),
        pytest.param("label,LABEL,label", ("label",), "label", id="repeated"),
        pytest.param("mirrors", ("mirrors",), "mirrors", id="of-a-derived-type"),
        pytest.param("sky.telescope/mirrors", ("mirrors",), "example.sky.telescope/mirrors", id="behind-a-cast"),
        pytest.param("*", None, "*", id="everything"),
        pytest.param("*,label", None, "*,label", id="everything-and-one"),
    ],
)
def test_selections(text: str, properties: tuple[str, ...] | None, written: str) -> None:
    """What is shown, and how the context lists it, for lists, single entities and the answers of writes."""
    plans = [
        bind_list(f"$select={text}"),
        bind(ITEM, f"$select={text}"),
        bind(ITEM, f"$select={text}", method="PATCH"),
        bind(PATH, f"$select={text}", method="POST"),
    ]
    for plan in plans:
        assert isinstance(plan, ReadCollection | ReadEntity | UpdateEntity | CreateEntity)
        assert (plan.projection.properties, plan.projection.written) == (properties, written)


def test_one_entity_computes() -> None:
    """What is computed of one entity is asked of it by its key, and shown as that of a collection is."""
    one = bind(ITEM, "$compute=length(label) as n,n add 1 as m&$select=m,label")
    many = bind_list("$compute=length(label) as n,n add 1 as m&$select=m,label")
    assert isinstance(one, ReadEntity)
    assert one.question is not None
    query, paging = one.question
    assert one.projection == many.projection
    assert query.where is not None
    assert shape(query.where, paging.parameters) == f"(eq code {one.key!r}:String)"
    assert [shape(item, paging.parameters) for item in query.computed if not isinstance(item, Positions)] == [
        "(length label)",
        "(add:Int32 (length label) 1:Int32)",
    ]


def test_one_entity_is_asked_only_for_what_its_record_lacks() -> None:
    """Without anything computed the record is enough."""
    plan = bind(ITEM, "$select=label")
    assert isinstance(plan, ReadEntity)
    assert plan.question is None


@pytest.mark.parametrize(
    ("text", "error", "message", "position"),
    [
        pytest.param("length(labl) as n", BadRequest, "Did you mean 'label'?", 7, id="unknown"),
        pytest.param("length(label) as LABEL", BadRequest, "'LABEL' is taken", 0, id="taken"),
        pytest.param("length(label)", SyntaxFault, "expected", 13, id="without-a-name"),
        pytest.param("geo.length(label) as n", NotBuilt, "geo.length", 0, id="not-offered"),
    ],
)
def test_what_one_entity_cannot_compute(text: str, error: type[ODataError], message: str, position: int) -> None:
    """It is told as it is for collections."""
    for path in (ITEM, PATH):
        with pytest.raises(error) as refusal:
            bind(path, f"$compute={text}")
        assert message in refusal.value.message
        assert (refusal.value.position, refusal.value.target) == (position, "$compute")


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        pytest.param("colour", BadRequest, "named 'colour' on type 'example.sky.instrument'", id="unknown"),
        pytest.param("labl", BadRequest, "Did you mean 'label'?", id="misspelt"),
        pytest.param("*,colour", BadRequest, "named 'colour'", id="unknown-behind-everything"),
        pytest.param(
            "sky.telescope/gainFactor", BadRequest, "on type 'example.sky.telescope'", id="lacked-by-the-cast"
        ),
        pytest.param("sky.observer/code", BadRequest, "not a type derived from", id="unrelated-cast"),
        pytest.param("sky.colour/code", BadRequest, "not a type derived from", id="cast-to-nothing"),
        pytest.param(
            "mount/makr", BadRequest, "'makr' on type 'example.sky.mount'. Did you mean 'maker'?", id="inside"
        ),
        pytest.param("mount($select=colour)", BadRequest, "named 'colour' on type 'example.sky.mount'", id="nested"),
        pytest.param("label/maker", BadRequest, "'label' has no properties of its own", id="into-text"),
        pytest.param("label($select=a)", BadRequest, "'label' has no properties of its own", id="options-of-text"),
        pytest.param("mount($top=1)", BadRequest, "'mount' is no collection", id="option-of-collections"),
        pytest.param("mount/@a.b", NotBuilt, "names of properties", id="annotation"),
    ],
)
def test_a_wrong_selection_is_told_as_such(text: str, error: type[ODataError], message: str) -> None:
    """Graph's words for what is wrong, 501 for what is only missing."""
    with pytest.raises(error) as refusal:
        bind(ITEM, f"$select={text}")
    assert message in refusal.value.message
    assert refusal.value.target == "$select"


def test_a_property_of_another_version_cannot_be_named() -> None:
    """What a version lacks is unknown there, in every clause."""
    for query in ("$select=owner", "$filter=owner eq 'x'", "$orderby=owner"):
        bind_list(query, model=CURRENT)
        with pytest.raises(BadRequest, match="named 'owner'"):
            bind_list(query, model=OLD)


def test_a_token_resumes_where_it_was_made() -> None:
    """The values of the token go to the store as they were, and what was skipped is not skipped again."""
    query = "$filter=label ne 'x'&$orderby=label desc"
    first = bind_list(f"{query}&$skip=5")
    token = SIGNER.write(("M", "key"), first.fingerprint, TENANT)
    resumed = bind_list(f"{query}&$skiptoken={token}")
    assert (resumed.query.resumed, resumed.paging.after, resumed.paging.skip) == (True, ("M", "key"), 0)
    assert (first.query.resumed, first.paging.after, first.paging.skip) == (False, (), 5)
    assert resumed.fingerprint == first.fingerprint


def test_a_token_with_values_of_another_order_is_refused() -> None:
    """Even a token of ours must have one value for each order key."""
    question = bind_list("$orderby=label").fingerprint
    with pytest.raises(BadRequest, match="another order"):
        bind_list(f"$orderby=label&$skiptoken={SIGNER.write(('only one',), question, TENANT)}")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param("$filter=label eq 'b'&$orderby=label", id="filter"),
        pytest.param("$filter=label eq 'a'&$orderby=label desc", id="order"),
        pytest.param("$filter=label eq 'a'", id="no-order"),
        pytest.param("$orderby=label", id="no-filter"),
    ],
)
def test_another_question_has_another_fingerprint(changed: str) -> None:
    """What decides which entities come in which order is in the fingerprint."""
    asked = "$filter=label eq 'a'&$orderby=label"
    assert bind_list(changed).fingerprint != bind_list(asked).fingerprint
    assert bind_list(asked, f"{PATH}/sky.dish").fingerprint != bind_list(asked).fingerprint
    assert bind_list(asked, "observers/x/gear").fingerprint != bind_list(asked, "observers/y/gear").fingerprint
    assert bind_list(asked, model=OLD).fingerprint != bind_list(asked).fingerprint


def test_page_size_and_selection_may_change_from_page_to_page() -> None:
    """They decide how much is shown, not what comes next."""
    question = bind_list("$filter=label eq 'a'").fingerprint
    for more in ("&$top=3", "&$select=label", "&$count=true", "&$format=json", "&custom=1"):
        assert bind_list(f"$filter=label eq 'a'{more}").fingerprint == question
    assert len(question) == len(fingerprint())


@pytest.mark.parametrize(
    ("method", "path", "query", "error", "message"),
    [
        pytest.param("GET", PATH, "$expand=spareParts", BadRequest, "'spareParts' to expand", id="expand"),
        pytest.param("GET", ITEM, "$expand=*", BadRequest, "expand", id="expand-of-an-entity"),
        pytest.param("GET", PATH, "$deltatoken=x", NotBuilt, "$deltatoken", id="delta"),
        pytest.param("GET", PATH, "$index=1", NotBuilt, "$index", id="index"),
        pytest.param("PATCH", ITEM, "$compute=1 as n", NotBuilt, "$compute", id="compute-of-a-change"),
        pytest.param("POST", PATH, "$compute=1 as n", NotBuilt, "$compute", id="compute-of-a-creation"),
        pytest.param("DELETE", ITEM, "$compute=1 as n", BadRequest, "'Compute'", id="compute-of-a-deletion"),
        pytest.param("GET", ITEM, "$filter=true", BadRequest, "'Filter' is not allowed", id="filter-of-an-entity"),
        pytest.param("GET", ITEM, "$skiptoken=x", BadRequest, "'Skiptoken' is not allowed", id="token-of-an-entity"),
        pytest.param("GET", f"{PATH}/$count", "$orderby=label", BadRequest, "Allowed here are", id="order-of-a-count"),
        pytest.param("DELETE", ITEM, "$select=label", BadRequest, "Allowed here are: none", id="select-of-a-deletion"),
        pytest.param("POST", PATH, "$filter=true", BadRequest, "'Filter' is not allowed", id="filter-of-a-creation"),
        pytest.param("GET", "", "$top=1", BadRequest, "'Top' is not allowed", id="top-of-the-service-document"),
        pytest.param("GET", PATH, "$format=xml", BadRequest, "$format may be json", id="format"),
        pytest.param("GET", "$metadata", "$format=atom", BadRequest, "'atom'", id="format-of-the-metadata"),
        pytest.param("POST", "$batch", "$format=json", BadRequest, "'Format' is not allowed", id="format-of-a-batch"),
    ],
)
def test_no_option_is_ignored(method: str, path: str, query: str, error: type[ODataError], message: str) -> None:
    """An option that a resource does not take is 400, one that is only missing 501."""
    with pytest.raises(error) as refusal:
        bind(path, query, method=method)
    assert message in refusal.value.message


@pytest.mark.parametrize("query", ["custom=1", "@p=1", "&&", "x"])
def test_custom_options_are_the_clients_own(query: str) -> None:
    """What the protocol does not know is left alone, everywhere."""
    for method, path in (("GET", PATH), ("GET", ITEM), ("DELETE", ITEM), ("POST", PATH), ("GET", "$metadata")):
        assert bind(path, query, method=method) == bind(path, method=method)
