"""What `Accept`, `Accept-Charset`, `Prefer` and the version headers ask for, header by header."""

import contextlib
import time

import pytest

from enrollscope.odata.errors import BadRequest, NotAcceptable
from enrollscope.odata.protocol.headers import (
    NO_PREFERENCES,
    JsonFormat,
    MetadataLevel,
    OmitValues,
    Preferences,
    ProtocolVersion,
    liking,
    negotiate_json,
    negotiate_version,
    read_preferences,
)

NONE = JsonFormat(MetadataLevel.NONE)
MINIMAL = JsonFormat()
FULL = JsonFormat(MetadataLevel.FULL)
MINIMAL_IEEE754 = JsonFormat(MetadataLevel.MINIMAL, ieee754_compatible=True)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param("", MINIMAL, id="absent"),
        pytest.param(" ", MINIMAL, id="blank"),
        pytest.param("*/*", MINIMAL, id="anything"),
        pytest.param("application/*", MINIMAL, id="any-application"),
        pytest.param("application/json", MINIMAL, id="json"),
        pytest.param("APPLICATION/JSON", MINIMAL, id="any-case"),
        pytest.param("application/json;odata.metadata=full", FULL, id="full"),
        pytest.param("application/json;metadata=none", NONE, id="without-prefix"),
        pytest.param('application/json; odata.metadata="full"', FULL, id="quoted-value"),
        pytest.param("application/json;odata.metadata=minimal;IEEE754Compatible=true", MINIMAL_IEEE754, id="ui5"),
        pytest.param("application/json;odata.streaming=true;charset=utf-8", MINIMAL, id="streaming-and-charset"),
        pytest.param("application/json;ExponentialDecimals=true", MINIMAL, id="exponents-allowed"),
        pytest.param("application/json, text/plain, */*", MINIMAL, id="axios"),
        pytest.param("application/json, text/javascript, */*; q=0.01", MINIMAL, id="jquery"),
        pytest.param("application/json;odata=verbose,text/plain, */*; q=0.01", MINIMAL, id="sharepoint-script"),
        pytest.param("application/json;odata=verbose", MINIMAL, id="older-version-alone"),
        pytest.param(
            "application/json;odata.metadata=minimal;q=1.0,application/json;odata=minimalmetadata;q=0.9,"
            "application/atomsvc+xml;q=0.8,application/atom+xml;q=0.8,application/xml;q=0.7,text/plain;q=0.7",
            MINIMAL,
            id="power-query",
        ),
        pytest.param("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", MINIMAL, id="browser"),
        pytest.param(
            "application/json;odata.metadata=none;q=0.2,application/json;odata.metadata=full;q=0.8",
            FULL,
            id="highest-quality",
        ),
        pytest.param("*/*,application/json;odata.metadata=full", FULL, id="exact-before-wildcard"),
        pytest.param("application/json;odata.metadata=none,application/json;metadata=full", NONE, id="first-of-equals"),
        pytest.param("application/json;odata=verbose,application/json;odata.metadata=full", FULL, id="known-first"),
        pytest.param("application/json;odata.metadata=most,*/*", MINIMAL, id="unknown-level-then-anything"),
        pytest.param("application/json;odata.metadata=full;q=0,*/*", MINIMAL, id="only-full-refused"),
        pytest.param("application/json;q=0,application/json;odata.metadata=full", FULL, id="only-full-accepted"),
        pytest.param('text/plain;a="x, application/xml", application/json', MINIMAL, id="comma-within-quotes"),
        pytest.param("nonsense, application/json", MINIMAL, id="unreadable-range-passed-over"),
    ],
)
def test_accept_chooses_a_representation(accept: str, chosen: JsonFormat) -> None:
    """The best range that JSON matches decides; parameters that OData does not define exclude nothing."""
    assert negotiate_json(accept) == chosen


@pytest.mark.parametrize(
    "accept",
    [
        pytest.param("application/xml", id="xml"),
        pytest.param("application/atom+xml,application/xml;q=0.5", id="atom"),
        pytest.param("text/*", id="any-text"),
        pytest.param("application/json;q=0", id="refused"),
        pytest.param("application/json;q=0, */*", id="refused-before-a-wildcard"),
        pytest.param("*/*, application/json;q=0", id="refused-behind-a-wildcard"),
        pytest.param("*/*;q=0", id="nothing"),
        pytest.param("application/json;q=much", id="quality-that-is-none"),
        pytest.param("application/json;odata.metadata=most", id="unknown-level"),
        pytest.param("application/json;IEEE754Compatible=maybe", id="unknown-number-format"),
        pytest.param("application/json;odata.streaming=perhaps", id="unknown-streaming"),
        pytest.param("application/json;charset=iso-8859-1", id="other-charset"),
        pytest.param("nonsense", id="no-range-at-all"),
    ],
)
def test_accept_without_json_is_refused(accept: str) -> None:
    """What cannot be produced is 406, and the message says what can be asked for."""
    with pytest.raises(NotAcceptable, match=r"ask for application/json") as refusal:
        negotiate_json(accept)
    assert refusal.value.target == "Accept"


@pytest.mark.parametrize(
    ("charsets", "accept", "acceptable"),
    [
        pytest.param("", "application/json", True, id="absent"),
        pytest.param("utf-8", "application/json", True, id="ours"),
        pytest.param("ISO-8859-1,UTF-8;q=0.7,*;q=0.7", "application/json", True, id="old-browser"),
        pytest.param("iso-8859-1;q=0.5, *", "", True, id="wildcard"),
        pytest.param("utf-8", "application/json;charset=iso-8859-1", True, id="counts-more-than-the-media-type"),
        pytest.param("iso-8859-1", "application/json", False, id="another"),
        pytest.param("utf-8;q=0, *", "application/json", False, id="refused-by-name"),
        pytest.param("*;q=0", "application/json", False, id="nothing"),
        pytest.param("iso-8859-1", "application/json;charset=utf-8", False, id="counts-more-also-when-it-excludes"),
    ],
)
def test_answers_are_in_utf_8_alone(charsets: str, accept: str, acceptable: bool) -> None:
    """`Accept-Charset` that excludes UTF-8 is 406."""
    if acceptable:
        assert negotiate_json(accept, charsets) == MINIMAL
    else:
        with pytest.raises(NotAcceptable, match="UTF-8") as refusal:
            negotiate_json(accept, charsets)
        assert refusal.value.target == "Accept-Charset"


@pytest.mark.parametrize(
    ("accept", "media_type", "quality"),
    [
        pytest.param("", "text/plain", 1, id="absent"),
        pytest.param("text/plain;q=0.9", "text/plain", 0.9, id="sdk-count"),
        pytest.param("text/*", "text/plain", 1, id="any-text"),
        pytest.param("application/json", "text/plain", None, id="other"),
        pytest.param("application/xml;q=0", "application/xml", 0, id="refused"),
        pytest.param("text/plain;q=0, */*", "text/plain", 0, id="refused-before-a-wildcard"),
        pytest.param("*/*, text/*;q=0.5, text/plain;q=0", "text/plain", 0, id="refused-behind-wildcards"),
        pytest.param("*/*;q=0, text/plain", "text/plain", 1, id="the-only-one-accepted"),
    ],
)
def test_other_media_types_are_negotiated_alike(accept: str, media_type: str, quality: float | None) -> None:
    """The narrowest range decides how well a media type is liked."""
    assert liking(accept, media_type) == quality


@pytest.mark.parametrize(
    ("form", "content_type"),
    [
        pytest.param(
            MINIMAL,
            "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8",
            id="4.0",
        ),
        pytest.param(
            JsonFormat(MetadataLevel.FULL, ieee754_compatible=True, version=ProtocolVersion.V401),
            "application/json;metadata=full;streaming=true;IEEE754Compatible=true;charset=utf-8",
            id="4.01",
        ),
    ],
)
def test_the_content_type_names_the_representation(form: JsonFormat, content_type: str) -> None:
    """Parameters have their prefix in 4.0 alone."""
    assert form.content_type == content_type


@pytest.mark.parametrize(
    ("highest", "sent", "chosen"),
    [
        pytest.param("", "", ProtocolVersion.V4, id="nothing-asked"),
        pytest.param("4.0", "", ProtocolVersion.V4, id="4.0"),
        pytest.param("4.00", "", ProtocolVersion.V4, id="4.00"),
        pytest.param("4.01", "", ProtocolVersion.V401, id="4.01"),
        pytest.param(" 4.01 ", "", ProtocolVersion.V401, id="blanks"),
        pytest.param("4.02", "", ProtocolVersion.V401, id="later"),
        pytest.param("5.0", "", ProtocolVersion.V401, id="much-later"),
        pytest.param("", "4.01", ProtocolVersion.V4, id="body-of-4.01"),
        pytest.param("4.01", "4.0", ProtocolVersion.V401, id="body-of-4.0"),
    ],
)
def test_4_01_is_for_who_asks_for_it(highest: str, sent: str, chosen: ProtocolVersion) -> None:
    """Answers are 4.0 unless `OData-MaxVersion` allows 4.01."""
    assert negotiate_version(highest, sent) is chosen


@pytest.mark.parametrize(
    ("highest", "sent", "target"),
    [
        pytest.param("3.0", "", "OData-MaxVersion", id="maximum-too-low"),
        pytest.param("four", "", "OData-MaxVersion", id="maximum-no-version"),
        pytest.param("4", "", "OData-MaxVersion", id="maximum-without-minor"),
        pytest.param("4.0.1", "", "OData-MaxVersion", id="maximum-with-three-parts"),
        pytest.param("", "3.0", "OData-Version", id="body-too-old"),
        pytest.param("", "4.1", "OData-Version", id="body-unknown"),
        pytest.param("", "-4.0", "OData-Version", id="body-no-version"),
    ],
)
def test_versions_that_cannot_be_met_are_refused(highest: str, sent: str, target: str) -> None:
    """400 names the header at fault."""
    with pytest.raises(BadRequest) as refusal:
        negotiate_version(highest, sent)
    assert refusal.value.target == target


@pytest.mark.parametrize(
    ("prefer", "read"),
    [
        pytest.param("", NO_PREFERENCES, id="absent"),
        pytest.param("return=minimal", Preferences(representation=False), id="minimal"),
        pytest.param("Return=Representation", Preferences(representation=True), id="any-case"),
        pytest.param("return=everything", NO_PREFERENCES, id="makes-no-sense"),
        pytest.param("return=minimal, return=representation", Preferences(representation=False), id="first-counts"),
        pytest.param("odata.maxpagesize=7", Preferences(page_size=7), id="page-size"),
        pytest.param("maxpagesize=7", Preferences(page_size=7, prefixed=False), id="page-size-4.01"),
        pytest.param("odata.maxpagesize=7,maxpagesize=9", Preferences(page_size=7), id="page-size-twice"),
        pytest.param("odata.maxpagesize=0", NO_PREFERENCES, id="page-size-zero"),
        pytest.param("odata.maxpagesize=-1", NO_PREFERENCES, id="page-size-negative"),
        pytest.param("odata.maxpagesize=ten", NO_PREFERENCES, id="page-size-no-number"),
        pytest.param("odata.maxpagesize=" + "9" * 40, NO_PREFERENCES, id="page-size-endless"),
        pytest.param('maxpagesize="7"', Preferences(page_size=7, prefixed=False), id="quoted"),
        pytest.param("include-unknown-enum-members", Preferences(include_unknown=True), id="unknown-members"),
        pytest.param("include-unknown-enum-members=", Preferences(include_unknown=True), id="unknown-members-no-value"),
        pytest.param('include-unknown-enum-members=""', Preferences(include_unknown=True), id="unknown-members-empty"),
        pytest.param("include-unknown-enum-members=True", Preferences(include_unknown=True), id="unknown-members-true"),
        pytest.param("include-unknown-enum-members=false", NO_PREFERENCES, id="unknown-members-false"),
        pytest.param("include-unknown-enum-members=0", NO_PREFERENCES, id="unknown-members-of-another-value"),
        pytest.param("omit-values=nulls", Preferences(omit=OmitValues.NULLS), id="omit-nulls"),
        pytest.param("odata.omit-values=defaults", Preferences(omit=OmitValues.DEFAULTS), id="omit-defaults"),
        pytest.param("omit-values=everything", NO_PREFERENCES, id="omit-what"),
        pytest.param("odata.continue-on-error, respond-async, wait=10", NO_PREFERENCES, id="not-known-here"),
        pytest.param(
            'return=minimal; why="a, b" , odata.maxpagesize = 5,include-unknown-enum-members',
            Preferences(representation=False, page_size=5, include_unknown=True),
            id="several",
        ),
    ],
)
def test_preferences_are_read_one_by_one(prefer: str, read: Preferences) -> None:
    """What is not known or makes no sense is passed over, as RFC 7240 §2 wants."""
    found = read_preferences(prefer)
    assert (found.representation, found.page_size, found.include_unknown, found.omit) == (
        read.representation,
        read.page_size,
        read.include_unknown,
        read.omit,
    )
    assert found.page_size is None or found.prefixed is read.prefixed


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("," * 60_000, id="commas"),
        pytest.param('"\\"' * 20_000, id="escaped-quotes"),
        pytest.param(';a="' * 15_000, id="quotes-that-do-not-end"),
        pytest.param("application/json" + ';a="\\' * 15_000, id="parameters-that-do-not-end"),
    ],
)
def test_hostile_headers_cost_no_more_than_their_length(text: str) -> None:
    """The longest header is read in linear time: milliseconds, where quadratic time would be minutes."""
    started = time.process_time()
    with contextlib.suppress(NotAcceptable):
        negotiate_json(text)
    read_preferences(text)
    assert time.process_time() - started < 2
