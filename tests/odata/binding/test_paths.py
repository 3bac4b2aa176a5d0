"""Paths in filters: into complex values, over collections, through variables and aliases."""

import pytest

from enrollscope.odata.errors import BadRequest, NotBuilt
from tests.odata.bound import PATH, bind_list, condition, shape


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("mount/maker eq 'a'", "(eq mount/maker 'a':String)", id="inside"),
        pytest.param("MOUNT/Maker eq 'a'", "(eq mount/maker 'a':String)", id="any-case"),
        pytest.param("mount/driveMotor/serial eq 'a'", "(eq mount/driveMotor/serial 'a':String)", id="further-inside"),
        pytest.param("mount/driveMotor/ratio gt 1", "(gt mount/driveMotor/ratio '1':Decimal)", id="number-inside"),
        pytest.param("mount/band eq infrared", "(eq mount/band 2:band)", id="member-inside"),
        pytest.param("mount/sky.mount/maker eq 'a'", "(eq mount/maker 'a':String)", id="cast-to-itself"),
        pytest.param("$it/mount/maker eq 'a'", "(eq mount/maker 'a':String)", id="it"),
        pytest.param("$this/mount/maker eq 'a'", "(eq mount/maker 'a':String)", id="this"),
        pytest.param("sky.dish/mount/maker eq 'a'", "(eq (dish)mount/maker 'a':String)", id="behind-a-cast"),
        pytest.param("$it/sky.dish/diameter eq 1", "(eq diameter '1':Decimal)", id="it-and-a-cast"),
        pytest.param("mount eq null", "(not (present mount))", id="complex-is-null"),
        pytest.param("null ne mount/driveMotor", "(present mount/driveMotor)", id="complex-is-not-null"),
    ],
)
def test_complex_values(text: str, bound: str) -> None:
    """Properties inside of complex values are values; what is around them can be null."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param(
            "label eq $root/chief/gear('a')/label", "(eq label (of-row (eq code 'a':String) label))", id="value"
        ),
        pytest.param(
            "$root/chief/gear(code='a')/mount/maker eq 'b'",
            "(eq (of-row (eq code 'a':String) mount/maker) 'b':String)",
            id="inside",
        ),
        pytest.param(
            "$root/chief/gear('a')/stringList/$count gt 1",
            "(gt (of-row (eq code 'a':String) (count #1 stringList)) 1:Int32)",
            id="count",
        ),
        pytest.param(
            "$root/chief/gear(@k)/band eq infrared&@k='a'", "(eq (of-row (eq code 'a':String) band) 2:band)", id="alias"
        ),
        pytest.param(
            "$root/chief/gear('a')/sky.dish/diameter gt 1",
            "(gt (of-row (and (eq code 'a':String) (is dish)) diameter) '1':Decimal)",
            id="behind-a-cast",
        ),
        pytest.param(
            "$root/observers('o')/gear('a')/label eq 'b'",
            "(eq (of-row (and (and (eq code 'a':String) (same observer 'o':String)) (is antenna|dish|probe|telescope)) "
            "label) 'b':String)",
            id="only-where-the-path-leads",
        ),
    ],
)
def test_values_of_another_entity(text: str, bound: str) -> None:
    """A path from the root of the service is a value of the entity that it names, and of no other."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("$root/nothing('a')/label eq 'b'", "segment 'nothing'", id="nowhere"),
        pytest.param("$root/chief/gear('a')/labl eq 'b'", "Did you mean 'label'?", id="misspelt"),
        pytest.param("$root/chief/gear('a') eq null", "An entity as a whole has no value", id="entity"),
        pytest.param("$root/chief/gear(5)/label eq 'b'", "must be a string", id="key-of-another-type"),
        pytest.param("$root/chief/gear(@k)/label eq 'b'", "must be a string", id="alias-without-a-value"),
    ],
)
def test_paths_from_the_root_that_lead_nowhere(text: str, message: str) -> None:
    """They are told as those of requests are, with the place where they begin."""
    with pytest.raises(BadRequest) as refusal:
        condition(text)
    assert message in refusal.value.message
    assert refusal.value.position is not None


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("stringList/any()", "(any #1 stringList)", id="any-at-all"),
        pytest.param("stringList/any(s:s eq 'a')", "(any #1 stringList (eq #1 'a':String))", id="any"),
        pytest.param("stringList/all(s:s gt label)", "(all #1 stringList (gt #1 label))", id="outer-property"),
        pytest.param("stringList/any(s:$it/label eq s)", "(any #1 stringList (eq label #1))", id="it"),
        pytest.param("bands/any(b:b eq infrared)", "(any #1 bands (eq #1 2:band))", id="members"),
        pytest.param(
            "mount/motors/any(m:m/serial eq 'a' and m/quality eq fair)",
            "(any #1 mount/motors (and (eq #1/serial 'a':String) (eq #1/quality 1:quality)))",
            id="complex-elements",
        ),
        pytest.param(
            "stringList/any(s:stringList/all(t:t le s))",
            "(any #1 stringList (all #2 stringList (le #2 #1)))",
            id="nested",
        ),
        pytest.param(
            "stringList/any(label:label eq 'a')", "(any #1 stringList (eq #1 'a':String))", id="variable-hides-property"
        ),
        pytest.param("sky.dish/mount/motors/any()", "(any #1 (dish)mount/motors)", id="behind-a-cast"),
        pytest.param("stringList/$count gt 1", "(gt (count #1 stringList) 1:Int32)", id="count"),
        pytest.param(
            "stringList/$count($filter=$this eq 'a') gt 1",
            "(gt (count #1 stringList (eq #1 'a':String)) 1:Int32)",
            id="count-of-some",
        ),
        pytest.param(
            "mount/motors/$count($filter=serial eq 'a';$search=b) gt 1",
            "(gt (count #1 mount/motors (and (eq #1/serial 'a':String) (mentions 'b':String #1/serial))) 1:Int32)",
            id="count-with-search",
        ),
        pytest.param(
            "mount/motors/$filter(quality eq poor)/any(m:m/serial eq label)",
            "(any #1 mount/motors (and (eq #1/quality 0:quality) (eq #1/serial label)))",
            id="filter-segment",
        ),
        pytest.param(
            "mount/motors/$filter(quality eq poor)/$count eq 0",
            "(eq (count #1 mount/motors (eq #1/quality 0:quality)) 0:Int32)",
            id="filter-segment-and-count",
        ),
        pytest.param(
            "stringList/$filter($this gt 'a')/all(s:s lt 'b')",
            "(eq (count #1 stringList (gt #1 'a':String)) "
            "(count #1 stringList (and (gt #1 'a':String) (lt #1 'b':String))))",
            id="all-of-a-part",
        ),
        pytest.param("'a' in stringList", "(any #1 stringList (eq #1 'a':String))", id="in-a-collection"),
        pytest.param("label in stringList", "(any #1 stringList (eq #1 label))", id="property-in-a-collection"),
        pytest.param(
            "'a' in stringList/$filter($this ne 'b')",
            "(any #1 stringList (and (ne #1 'b':String) (eq #1 'a':String)))",
            id="in-a-part",
        ),
        pytest.param("null in stringList", "(any #1 stringList (eq #1 null))", id="null-in-a-collection"),
    ],
)
def test_collections(text: str, bound: str) -> None:
    """An element is known by its number; plain names are those of the entity, or of the element without a variable."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("query", "bound"),
    [
        pytest.param("$filter=label eq @a&@a='x'", "(eq label 'x':String)", id="literal"),
        pytest.param("$filter=@a eq label&@a='x'", "(eq 'x':String label)", id="literal-first"),
        pytest.param("$filter=band eq @a&@a='infrared'", "(eq band 2:band)", id="member"),
        pytest.param("$filter=band in (@a)&@a=infrared", "(in band 2:band)", id="in-parentheses"),
        pytest.param("$filter=@a&@a=label eq @b&@b='x'", "(eq label 'x':String)", id="expression-with-an-alias"),
        pytest.param(
            "$filter=label eq @a or label ne @a&@a='x'", "(or (eq label 'x':String) (ne label 'x':String))", id="twice"
        ),
        pytest.param("$filter=label eq @a", "(eq label null)", id="without-a-value"),
        pytest.param('$filter=band in @a&@a=["visible","infrared"]', "(in band 1:band 2:band)", id="array"),
        pytest.param("$filter='x' in @a&@a=stringList", "(any #1 stringList (eq #1 'x':String))", id="collection"),
        pytest.param("$filter=@a/maker eq 'x'&@a=mount", "(eq mount/maker 'x':String)", id="into-an-alias"),
    ],
)
def test_parameter_aliases(query: str, bound: str) -> None:
    """An alias stands for its expression; one without a value is null."""
    assert condition_of(query) == bound


def condition_of(query: str) -> str:
    """The bound condition of a whole query."""
    plan = bind_list(query)
    assert plan.query.where is not None
    return shape(plan.query.where, plan.paging.parameters)


def test_an_alias_orders() -> None:
    """It stands for an expression in `$orderby`, too."""
    keys = bind_list("$orderby=@a desc&@a=length(label)").query.order
    assert [shape(key.expression, ()) for key in keys] == ["(length label)", "code"]


@pytest.mark.parametrize(
    ("segments", "bound"),
    [
        pytest.param("$filter(label eq 'a')", "(eq label 'a':String)", id="one"),
        pytest.param("$filter(label%20eq%20'a')", "(eq label 'a':String)", id="encoded"),
        pytest.param(
            "$filter(label ne 'a')/$filter(@p)",
            "(and (ne label 'a':String) (eq label 'b':String))",
            id="two-with-an-alias",
        ),
        pytest.param(
            "sky.dish/$filter(diameter gt 1)", "(and (is dish) (gt diameter '1':Decimal))", id="behind-a-type"
        ),
        pytest.param("$filter(label ne 'a')/sky.dish", "(and (is dish) (ne label 'a':String))", id="before-a-type"),
    ],
)
def test_filter_segments(segments: str, bound: str) -> None:
    """Conditions of the path hold, and links to further pages keep them."""
    plan = bind_list("@p=label eq 'b'", f"{PATH}/{segments}")
    assert plan.query.where is not None
    assert shape(plan.query.where, plan.paging.parameters) == bound
    assert plan.scope.cast.count("/") == len(segments.split("/"))
    assert " " not in plan.scope.cast


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("mount/makr eq 'a'", "named 'makr' on type 'example.sky.mount'. Did you mean 'maker'?", id="hint"),
        pytest.param("label/x eq 'a'", "'label' has no properties of its own", id="into-text"),
        pytest.param("mount/maker/x eq 'a'", "'maker' has no properties of its own", id="into-text-inside"),
        pytest.param("mount/motors/serial eq 'a'", "'motors' is a collection; ask any or all", id="into-a-collection"),
        pytest.param("stringList eq 'a'", "'stringList' is a collection", id="collection"),
        pytest.param("label/any()", "'any' must stand behind a collection", id="any-of-text"),
        pytest.param("label/$count eq 1", "'$count' must stand behind a collection", id="count-of-text"),
        pytest.param("stringList/any(s:stringList/any(s:s eq 'a'))", "The name 's' is taken", id="variable-twice"),
        pytest.param("stringList/any(s:t eq 'a')", "named 't' on type", id="unknown-variable"),
        pytest.param("stringList/any(s:s/x eq 'a')", "has no properties of its own", id="into-an-element"),
        pytest.param("stringList/any(s:s)", "A condition is needed", id="no-condition"),
        pytest.param(
            "mount/sky.motor/serial eq 'a'", "not related to 'example.sky.mount'", id="cast-of-a-complex-value"
        ),
        pytest.param("label in mount/motors", "never equal to 'Edm.String'", id="in-complex-values"),
        pytest.param("label in mount", "'in' takes a list in parentheses, or a collection", id="in-one-value"),
        pytest.param("mount gt null", "Structured values and collections have no order", id="order-of-complex-values"),
        pytest.param("$it eq null", "An entity as a whole has no value", id="entity"),
        pytest.param("label('a') eq 'a'", "'label' is neither a function nor", id="key-of-text"),
        pytest.param("@a&@a=@b&@b=@a", "defined by itself", id="alias-of-itself"),
        pytest.param("@a/x eq 1&@a='x'", "has no properties to go into", id="into-a-literal"),
        pytest.param("@a eq 1&@a=(", "Invalid value of parameter alias '@a'", id="alias-with-a-fault"),
        pytest.param("@a&@a=lable eq 'x'", "Did you mean 'label'?", id="unknown-name-in-an-alias"),
    ],
)
def test_paths_that_lead_nowhere(text: str, message: str) -> None:
    """The answer names the segment at fault, and what would be right."""
    with pytest.raises(BadRequest) as refused:
        bind_list(f"$filter={text}")
    assert message in refused.value.message
    assert refused.value.target in ("$filter", "@a")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("$filter(label eq 'a')/x", id="key"),
        pytest.param("$filter(label eq 'a')('x')", id="key-in-parentheses"),
    ],
)
def test_one_of_a_filtered_collection_is_not_offered(path: str) -> None:
    """Valid OData, and 501."""
    with pytest.raises(NotBuilt):
        bind_list("", f"{PATH}/{path}")
