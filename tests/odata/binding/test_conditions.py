"""Filters against a model: every name resolved, every type known, every literal a parameter."""

import pytest

from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.errors import BadRequest, NotBuilt, ODataError
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.plan.commands import ALWAYS
from enrollscope.odata.plan.requests import ReadCollection
from enrollscope.odata.protocol.headers import Preferences, ProtocolVersion
from tests.odata.bound import PATH, SIGNER, TENANT, bind_list, condition
from tests.odata.observatory import CURRENT, OLD

GUID = "0b0b0b0b-1111-4222-8333-444444444444"
INCLUDE = Preferences(include_unknown=True)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("label eq 'a''b'", '(eq label "a\'b":String)', id="string"),
        pytest.param("'a' eq label", "(eq 'a':String label)", id="literal-first"),
        pytest.param("LABEL eq 'a'", "(eq label 'a':String)", id="name-in-any-case"),
        pytest.param("label EQ 'a'", "(eq label 'a':String)", id="operator-in-any-case"),
        pytest.param("$it/label eq 'a'", "(eq label 'a':String)", id="it"),
        pytest.param("booleanValue", "booleanValue", id="boolean-alone"),
        pytest.param("booleanValue eq true", "(eq booleanValue True:Boolean)", id="boolean"),
        pytest.param("not booleanValue", "(not booleanValue)", id="not"),
        pytest.param("int16Value eq 5", "(eq int16Value 5:Int32)", id="small-integer"),
        pytest.param("int64Value eq 2147483648", "(eq int64Value 2147483648:Int64)", id="large-integer"),
        pytest.param(
            "decimalValue eq 9223372036854775808", "(eq decimalValue '9223372036854775808':Decimal)", id="huge-integer"
        ),
        pytest.param("decimalValue eq 5", "(eq decimalValue '5':Decimal)", id="integer-with-decimal"),
        pytest.param("decimalValue eq 1.50", "(eq decimalValue '1.50':Decimal)", id="decimal"),
        pytest.param("doubleValue gt 5", "(gt doubleValue 5:Int32)", id="integer-with-double"),
        pytest.param("singleValue lt int16Value", "(lt singleValue int16Value)", id="two-numbers"),
        pytest.param(f"guidValue eq {GUID.upper()}", f"(eq guidValue '{GUID}':Guid)", id="guid"),
        pytest.param("dateValue ge 2024-02-29", "(ge dateValue '2024-02-29':Date)", id="date"),
        pytest.param("timeOfDayValue lt 09:05", "(lt timeOfDayValue '09:05:00.0000000':TimeOfDay)", id="time-of-day"),
        pytest.param(
            "dateTimeOffsetValue eq 0001-01-01T00:00:01+00:00",
            "(eq dateTimeOffsetValue 10000000:DateTimeOffset)",
            id="instant",
        ),
        pytest.param("durationValue eq duration'PT1S'", "(eq durationValue 10000000:Duration)", id="duration"),
        pytest.param("binaryValue eq binary'AQI='", "(eq binaryValue b'\\x01\\x02':Binary)", id="binary"),
        pytest.param("label eq null", "(eq label null)", id="null"),
        pytest.param("null eq label", "(eq null label)", id="null-first"),
        pytest.param("null eq null", "(eq null null)", id="null-twice"),
        pytest.param("1 eq 1", "(eq 1:Int32 1:Int32)", id="constants"),
    ],
)
def test_comparisons(text: str, bound: str) -> None:
    """Both sides get one type, and literals take the stored form of theirs."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("band eq 'infrared'", "(eq band 2:band)", id="quoted"),
        pytest.param("band eq infrared", "(eq band 2:band)", id="bare"),
        pytest.param("infrared eq band", "(eq 2:band band)", id="bare-first"),
        pytest.param("band eq INFRARED", "(eq band 2:band)", id="any-case"),
        pytest.param("band eq example.sky.band'infrared'", "(eq band 2:band)", id="qualified"),
        pytest.param("band eq sky.band'infrared'", "(eq band 2:band)", id="by-alias"),
        pytest.param("band eq example.sky.band'2'", "(eq band 2:band)", id="qualified-number"),
        pytest.param("band eq '2'", "(eq band 2:band)", id="quoted-number"),
        pytest.param("band in ('visible','infrared')", "(in band 1:band 2:band)", id="in"),
        pytest.param("band eq 'later'", "(in band 9:band 4:band)", id="sentinel-is-everything-hidden"),
        pytest.param("band ne 'later'", "(not (in band 9:band 4:band))", id="not-the-sentinel"),
        pytest.param("band in ('later','visible')", "(in band 9:band 4:band 1:band)", id="sentinel-in-a-list"),
    ],
)
def test_enumerations(text: str, bound: str) -> None:
    """A member is its number, however it is spelt; the sentinel stands for every member the view hides."""
    assert condition(text) == bound


def test_hidden_members_are_members_on_demand() -> None:
    """With the preference the sentinel is only itself, and hidden members can be named."""
    assert condition("band eq 'aether'", preferences=INCLUDE) == "(eq band 4:band)"
    assert condition("band eq 'later'", preferences=INCLUDE) == "(eq band 9:band)"
    with pytest.raises(BadRequest, match="Allowed are: visible, infrared, gravity, later"):
        condition("band eq 'aether'")


def test_each_version_hides_its_own_members() -> None:
    """The older version hides what the newer one shows."""
    assert condition("band eq 'later'", model=OLD) == "(in band 9:band 3:band 4:band)"


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("label eq 'a' or label eq 'b' and label eq 'c'", "(or {a} (and {b} {c}))", id="and-before-or"),
        pytest.param("(label eq 'a' or label eq 'b') and label eq 'c'", "(and (or {a} {b}) {c})", id="parentheses"),
        pytest.param("label eq 'a' and label eq 'b' and label eq 'c'", "(and (and {a} {b}) {c})", id="chain"),
        pytest.param("not (label eq 'a') and label eq 'b'", "(and (not {a}) {b})", id="not-before-and"),
        pytest.param("true and null", "(and True:Boolean null)", id="constants"),
    ],
)
def test_logic(text: str, bound: str) -> None:
    """Precedence is that of URL conventions 4.01 §5.1.1.14."""
    named = {name: f"(eq label '{name}':String)" for name in "abc"}
    assert condition(text) == bound.format(**named)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("int16Value add 1 eq 2", "(eq (add:Int32 int16Value 1:Int32) 2:Int32)", id="promoted"),
        pytest.param(
            "int64Value sub doubleValue lt 0", "(lt (sub:Double int64Value doubleValue) 0:Int32)", id="to-double"
        ),
        pytest.param("int16Value div 2 eq 1", "(eq (div:Int32 int16Value 2:Int32) 1:Int32)", id="integer-division"),
        pytest.param(
            "int16Value divby 2 eq 1.5", "(eq (divby:Decimal int16Value 2:Int32) '1.5':Decimal)", id="exact-division"
        ),
        pytest.param("-int16Value eq 1", "(eq (- int16Value) 1:Int32)", id="minus"),
        pytest.param(
            "1 add 2 mul 3 eq 7", "(eq (add:Int32 1:Int32 (mul:Int32 2:Int32 3:Int32)) 7:Int32)", id="precedence"
        ),
        pytest.param("length(label) mod 2 eq 0", "(eq (mod:Int32 (length label) 2:Int32) 0:Int32)", id="of-a-function"),
    ],
)
def test_arithmetic(text: str, bound: str) -> None:
    """Operands are promoted to the wider type, which the result has (URL conventions 4.01 §5.1.1.2)."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("contains(label,'x')", "(contains label 'x':String)", id="contains"),
        pytest.param("StartsWith(label,'x')", "(startswith label 'x':String)", id="any-case"),
        pytest.param("contains(label,null)", "(contains label null)", id="null-argument"),
        pytest.param("tolower(trim(label)) eq 'a'", "(eq (tolower (trim label)) 'a':String)", id="nested"),
        pytest.param("substring(label,1,2) eq 'a'", "(eq (substring label 1:Int32 2:Int32) 'a':String)", id="three"),
        pytest.param("year(dateTimeOffsetValue) eq 2024", "(eq (year dateTimeOffsetValue) 2024:Int32)", id="year"),
        pytest.param("year(dateValue) eq 2024", "(eq (year dateValue) 2024:Int32)", id="year-of-a-date"),
        pytest.param("round(decimalValue) eq 1", "(eq (round decimalValue) '1':Decimal)", id="result-type"),
        pytest.param("dateTimeOffsetValue lt now()", "(lt dateTimeOffsetValue (now))", id="no-arguments"),
    ],
)
def test_functions(text: str, bound: str) -> None:
    """A signature that takes the arguments is found; the result has its type."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param("gainFactor gt 1.5", "(gt gainFactor '1.5':Decimal)", id="derived-without-a-cast"),
        pytest.param("mirrors eq null", "(eq mirrors null)", id="null-where-the-type-lacks-it"),
        pytest.param("example.sky.telescope/mirrors eq 1", "(eq mirrors 1:Int32)", id="cast-to-where-it-is-declared"),
        pytest.param("sky.dish/gainFactor eq null", "(eq (of dish gainFactor) null)", id="cast-below-its-declaration"),
        pytest.param(
            "sky.antenna/label eq 'a'", "(eq (of antenna|dish label) 'a':String)", id="inherited-behind-a-cast"
        ),
        pytest.param("example.sky.instrument/label eq 'a'", "(eq label 'a':String)", id="cast-to-the-declared-type"),
        pytest.param("isof(sky.antenna)", "(is antenna|dish)", id="isof"),
        pytest.param("isof('example.sky.dish')", "(is dish)", id="isof-quoted"),
        pytest.param("not isof(sky.dish)", "(not (is dish))", id="isof-negated"),
    ],
)
def test_types(text: str, bound: str) -> None:
    """A property behind a cast is null in every entity that is not of that type (URL conventions 4.01 §4.11)."""
    assert condition(text) == bound


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        pytest.param("colour eq 'a'", "named 'colour' on type 'example.sky.instrument'", 0, id="unknown"),
        pytest.param("label eq colour", "named 'colour'", 9, id="unknown-on-the-right"),
        pytest.param("labl eq 'a'", "Did you mean 'label'?", 0, id="misspelt"),
        pytest.param("label eq 'a' and labl eq 'b'", "named 'labl'", 17, id="misspelt-further-on"),
        pytest.param("sky.telescope/gainFactor eq 1", "on type 'example.sky.telescope'", 14, id="lacked-by-the-cast"),
        pytest.param("sky.colour/label eq 'a'", "'sky.colour' could not be resolved", 0, id="cast-to-nothing"),
        pytest.param("sky.observer/code eq 'a'", "not related", 0, id="unrelated-cast"),
        pytest.param("sky.motor/serial eq 'a'", "could not be resolved", 0, id="cast-to-a-complex-type"),
        pytest.param("isof(sky.observer)", "not related", 5, id="isof-unrelated"),
        pytest.param("label", "of type 'Edm.String'", 0, id="no-condition"),
        pytest.param("label and true", "A condition is needed", 0, id="text-in-logic"),
        pytest.param("not label", "A condition is needed", 4, id="not-of-text"),
        pytest.param("label eq 5", "'Edm.String' and 'Edm.Int32' for operator kind 'Equal'", 6, id="number-with-text"),
        pytest.param("label gt true", "operator kind 'GreaterThan'", 6, id="boolean-with-text"),
        pytest.param("dateValue eq dateTimeOffsetValue", "incompatible types", 10, id="date-with-instant"),
        pytest.param("guidValue eq 'x'", "incompatible types", 10, id="text-with-guid"),
        pytest.param(
            "band eq quality", "'quality' is not a valid enumeration type constant", 8, id="no-such-member-nor-property"
        ),
        pytest.param("band eq 'loud'", "'loud' is not a valid enumeration type constant", 8, id="no-such-member"),
        pytest.param("band eq 3.5", "takes a member name in quotes", 8, id="fraction-with-member"),
        pytest.param("band eq '7'", "no member with the value 7", 8, id="no-such-number"),
        pytest.param("band eq sky.quality'fair'", "is not the type of the other operand", 8, id="other-enumeration"),
        pytest.param("band eq sky.band'visible,infrared'", "not a flags enumeration", 8, id="several-members"),
        pytest.param("band has sky.band'visible'", "'has' works on flags enumerations only", 5, id="has"),
        pytest.param("label add 1 eq 2", "operator kind 'Add'", 6, id="sum-with-text"),
        pytest.param("-label eq 'a'", "'-' needs a number or a duration", 1, id="minus-text"),
        pytest.param("label in ('a',5)", "operator kind 'In'", 14, id="list-of-two-types"),
        pytest.param("length(5) eq 1", "The function signatures considered are: length(Edm.String)", 0, id="signature"),
        pytest.param("contains(band,'a')", "(example.sky.band, Edm.String)", 0, id="member-as-text"),
        pytest.param("bands eq 'visible'", "'bands' is a collection", 6, id="collection"),
        pytest.param("mount eq 'a'", "never equal to 'Edm.String'", 6, id="complex-with-text"),
        pytest.param("mount eq labl", "named 'labl'", 9, id="complex-with-nothing"),
        pytest.param("[1] gt [2]", "have no order", 4, id="order-of-arrays"),
        pytest.param("[1] eq {}", "'Collection(Edm.Int32)' and 'null' do not go together", 4, id="array-with-object"),
        pytest.param('stringList eq ["a",5]', "A value of type 'Edm.String' is wanted", 19, id="item-of-another-type"),
        pytest.param("int16List eq stringList", "'Collection(Edm.Int16)' and 'Collection(Edm.String)'", 10, id="lists"),
        pytest.param('[] eq [{"a":b}]', "named 'b'", 12, id="unknown-in-an-object"),
        pytest.param("[labl] eq [1]", "Did you mean 'label'?", 1, id="misspelt-in-an-array"),
        pytest.param("label in [[1]]", "One value is wanted", 10, id="array-in-a-list"),
        pytest.param("not [true]", "One value is wanted", 4, id="array-as-condition"),
        pytest.param("label/x eq 'a'", "'label' has no properties of its own", 6, id="into-text"),
    ],
)
def test_faults_say_what_and_where(text: str, message: str, position: int) -> None:
    """Wrong is 400, in the words of the clause, with the place and the nearest name."""
    with pytest.raises(BadRequest) as refusal:
        condition(text)
    assert refusal.value.message.startswith("Invalid filter clause: ")
    assert message in refusal.value.message
    assert (refusal.value.position, refusal.value.target) == (position, "$filter")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("cast(int16List,Collection(Edm.String)) eq []", id="cast-of-items"),
        pytest.param("cast(sky.dish) eq null", id="cast-of-an-entity"),
        pytest.param('mount/motors eq [{"serial":"a"}]', id="times-inside-of-values"),
        pytest.param("mount eq mount", id="decimals-inside-of-values"),
        pytest.param("bands eq ['later']", id="sentinel-in-an-array"),
        pytest.param("[binaryValue] eq []", id="binary-in-an-array"),
        pytest.param('[] eq [{"@odata.type":"a"}]', id="annotation-in-an-object"),
        pytest.param("$root/observers/$count eq 1", id="root"),
        pytest.param("$root/chief/gear('a')/mount eq null", id="structure-from-the-root"),
        pytest.param("$root/chief/gear('a')/stringList/any(s:s eq label)", id="condition-from-the-root"),
        pytest.param("$root/chief/gear/$filter(true)/$count eq 1", id="collection-from-the-root"),
        pytest.param("label eq @sky.term", id="annotation"),
        pytest.param("mount/driveMotor/greased eq null", id="time-inside"),
        pytest.param("matchesPattern(label,observer)", id="pattern-of-each-entity"),
        pytest.param("matchesPattern(label,'(a)%5C1')", id="pattern-that-is-not-regular"),
        pytest.param("geo.length(geography'SRID=0;LineString(0 0,1 1)') lt 5", id="geo"),
    ],
)
def test_valid_odata_that_is_not_offered_is_501(text: str) -> None:
    """It is not called wrong, and not left out."""
    with pytest.raises(ODataError) as refusal:
        condition(text)
    assert isinstance(refusal.value, NotBuilt)


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        pytest.param(
            "dateTimeOffsetValue ge '0001-01-01T00:00:01Z'",
            "(ge dateTimeOffsetValue 10000000:DateTimeOffset)",
            id="time",
        ),
        pytest.param("'2024-02-29' eq dateValue", "(eq '2024-02-29':Date dateValue)", id="date-first"),
        pytest.param("timeOfDayValue lt '09:05'", "(lt timeOfDayValue '09:05:00.0000000':TimeOfDay)", id="time-of-day"),
        pytest.param("int16Value eq '70000'", "(eq int16Value 70000:Int32)", id="integer"),
        pytest.param("int16Value lt '1.5'", "(lt int16Value '1.5':Decimal)", id="fraction-beside-an-integer"),
        pytest.param("decimalValue eq '1.50'", "(eq decimalValue '1.50':Decimal)", id="decimal"),
        pytest.param("doubleValue lt 'INF'", "(lt doubleValue inf:Double)", id="double"),
        pytest.param("doubleValue ne 'NaN'", "True:Boolean", id="not-a-number"),
        pytest.param("booleanValue eq 'true'", "(eq booleanValue True:Boolean)", id="boolean"),
        pytest.param(f"guidValue in ('{GUID}')", f"(in guidValue '{GUID}':Guid)", id="guid-in-a-list"),
        pytest.param("binaryValue eq 'AQI='", "(eq binaryValue b'\\x01\\x02':Binary)", id="binary"),
        pytest.param("band eq 'infrared'", "(eq band 2:band)", id="member"),
        pytest.param("label eq '5'", "(eq label '5':String)", id="text-stays-text"),
        pytest.param("year(dateValue) eq '2024'", "(eq (year dateValue) 2024:Int32)", id="beside-a-function"),
        pytest.param(
            "date('0001-01-02T00:00:00Z') eq dateValue",
            "(eq (date 864000000000:DateTimeOffset) dateValue)",
            id="argument",
        ),
        pytest.param("substring(label,'1') eq 'a'", "(eq (substring label 1:Int32) 'a':String)", id="second-argument"),
        pytest.param(
            "dateTimeOffsetValue ge @t&@t='0001-01-01T00:00:01Z'",
            "(ge dateTimeOffsetValue 10000000:DateTimeOffset)",
            id="by-an-alias",
        ),
    ],
)
def test_text_stands_for_other_values_in_401(text: str, bound: str) -> None:
    """Who asks for 4.01 may write any value as text where its type is wanted (protocol 4.01 §12.2.1)."""
    assert condition(text, version=ProtocolVersion.V401) == bound


@pytest.mark.parametrize(
    ("text", "version", "message", "position"),
    [
        pytest.param(
            "dateTimeOffsetValue ge '2024-01-01T00:00:00Z'",
            "4.0",
            "'Edm.DateTimeOffset' and 'Edm.String'",
            20,
            id="graph",
        ),
        pytest.param("int16Value eq '5'", "4.0", "'Edm.Int16' and 'Edm.String'", 11, id="graph-number"),
        pytest.param(
            "dateTimeOffsetValue ge 'yesterday'",
            "4.01",
            "'yesterday' is no Edm.DateTimeOffset: expected",
            23,
            id="no-time",
        ),
        pytest.param("guidValue eq 'x'", "4.01", "'x' is no Edm.Guid: expected a GUID", 13, id="no-guid"),
        pytest.param(
            "dateTimeOffsetValue add '2024-01-01T00:00:00Z' eq null",
            "4.01",
            "operator kind 'Add'",
            20,
            id="sum-of-times",
        ),
        pytest.param("label eq 'a%00b'", "4.01", "U+0000", 9, id="nul"),
    ],
)
def test_text_that_stands_for_nothing(text: str, version: str, message: str, position: int) -> None:
    """In 4.0 only text goes with text, as in Graph; in 4.01 it must spell a value of the type."""
    with pytest.raises(BadRequest) as refusal:
        condition(text, version=ProtocolVersion(version))
    assert message in refusal.value.message
    assert refusal.value.position == position


def test_a_shape_is_of_one_version() -> None:
    """What is remembered of a question in one version is no answer to the same words in the other."""
    binder = Binder(CURRENT, SIGNER)
    for version in (ProtocolVersion.V401, ProtocolVersion.V4, ProtocolVersion.V401):
        for day in ("2024-01-01", "2024-02-29"):
            options = parse_options(f"$filter=dateValue ge '{day}'")
            asked = Asked("GET", PATH, options, Preferences(), ALWAYS, TENANT, None, 100, version=version)
            if version is ProtocolVersion.V4:
                with pytest.raises(BadRequest):
                    binder.bind(asked)
            else:
                plan = binder.bind(asked)
                assert isinstance(plan, ReadCollection)
                assert plan.paging.parameters == (day,)


def test_equal_shapes_are_equal_whatever_the_literals() -> None:
    """Literals are outside the shape, so that a statement made for one question serves all of its kind."""
    first, second, other = (
        bind_list(f"$filter={text}").query for text in ("label eq 'a'", "LABEL  eq  'b'", "label ne 'a'")
    )
    assert first == second
    assert hash(first) == hash(second)
    assert first != other
