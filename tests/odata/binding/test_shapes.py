"""Questions known by their shape: whatever was asked before, an answer is what it would have been without."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from enrollscope.odata.binding.questions import Question, Questions
from enrollscope.odata.errors import ODataError
from enrollscope.odata.grammar.options import Options, parse_options
from enrollscope.odata.plan.commands import LinkedTo
from enrollscope.odata.plan.requests import Scope
from tests.odata.observatory import CURRENT, OLD, scope_of

SCOPE = scope_of(CURRENT, "instrument")

STRINGS = st.text(st.sampled_from("ab'% _\\é😀\0\""), max_size=4).map(lambda text: "'" + text.replace("'", "''") + "'")
NUMBERS = st.one_of(
    st.integers(-(2**65), 2**65).map(str),
    st.sampled_from(("0", "-1", "2147483648", "1.5", "1e3", "-INF", "INF", "NaN", "+7")),
)
TIMES = st.sampled_from(
    (
        *("2024-05-15T14:13:19Z", "2024-05-15T14:13:19.1234567+02:00", "0001-01-01T00:00:00Z", "2024-02-30T00:00:00Z"),
        *("2024-05-15", "14:13:19", "2024-05-15t14:13z", "2024-05-15T14:13:19-14:00", "2024-05-15T24:00:00Z"),
    )
)
OTHERS = st.sampled_from(
    (
        *("null", "true", "false", "duration'PT1S'", "duration'x'", "binary'AQI='", "sky.band'visible'", "sky.band'3'"),
        *("'visible'", "'infrared'", "'VISIBLE'", "'later'", "'2'", "'9'", "visible", "later", "'PT1H'"),
        *(
            "0b0b0b0b-1111-4222-8333-444444444444",
            "ab0b0b0b-1111-4222-8333-444444444444",
            "geography'SRID=0;Point(1 2)'",
        ),
    )
)
LITERALS = st.one_of(STRINGS, NUMBERS, TIMES, OTHERS)

TEMPLATES = st.sampled_from(
    (
        "label eq {}",
        "{} eq label",
        "band eq {}",
        "band in ({},{})",
        "label in ({},{},{})",
        "int32Value add {} gt {}",
        "decimalValue gt {} or doubleValue lt {}",
        "dateTimeOffsetValue ge {} and dateTimeOffsetValue lt {}",
        "durationValue eq {}",
        "dateValue eq {} or timeOfDayValue eq {} or guidValue eq {} or binaryValue eq {}",
        "contains(label,{}) and startswith(label,{})",
        "stringList/any(s:s eq {})",
        "cast(band,Edm.String) eq {}",
        "case(label eq {}:{},true:{}) eq {}",
        "hassubset(stringList,[{},{}])",
        "label eq {} and label eq @p",
        "not (booleanValue eq {})",
        "substring(label,{}) eq {}",
        "{}",
    )
)


@st.composite
def questions(draw: st.DrawFn) -> list[str]:
    """Several queries, many of one shape."""
    templates = draw(st.lists(TEMPLATES, min_size=1, max_size=2))
    found: list[str] = []
    for _ in range(draw(st.integers(2, 5))):
        template = draw(st.sampled_from(templates))
        filled = template.format(*(draw(LITERALS) for _ in range(template.count("{}"))))
        wrap = draw(
            st.sampled_from(("$filter={}", "$compute={} as made", "$apply=filter({})", "$orderby={} desc,label"))
        )
        found.append(wrap.format(filled.replace("%", "%25").replace("+", "%2B").replace("&", "%26")))
    return found


def outcome(ask: Callable[[], tuple[Question, tuple[Any, ...]]]) -> object:
    """What asking comes to; of a refusal its class and message. Not a number equals nothing, so all is spelt out."""
    try:
        return repr(ask())
    except ODataError as refusal:
        return type(refusal), refusal.message, refusal.target, refusal.position


def asked(questions: Questions, options: Options, scope: Scope = SCOPE, *, unknown: bool = False) -> object:
    """What a question comes to."""
    return outcome(lambda: questions.ask(scope, options, (), include_unknown=unknown))


@settings(deadline=None)
@given(questions(), st.booleans())
@example(queries=["$filter=band eq 'visible'", "$filter=band eq 'later'", "$filter=band eq 'infrared'"], unknown=False)
@example(queries=["$filter=label eq 'a'", "$filter=label eq 'a''b'", "$filter=label eq '''"], unknown=False)
@example(
    queries=["$filter=int32Value eq 1", "$filter=int32Value eq 2147483648", "$filter=int32Value eq 1.5"], unknown=False
)
@example(queries=["$apply=search(a%3Bb)", "$apply=search(a;b)"], unknown=False)
@example(queries=["$filter=label eq 'a'&$orderby=label", "$filter=label eq 1orderby2 label"], unknown=False)
def test_a_question_has_the_same_plan_whatever_was_asked_before(queries: list[str], unknown: bool) -> None:
    """Questions that may share what was understood, and ones that never do, come to equal plans or refusals."""
    for model in (CURRENT, OLD):
        scope = scope_of(model, "instrument")
        shared = Questions(model)
        for query in [*queries, *queries]:
            options = parse_options(query)
            alone = asked(Questions(model), options, scope, unknown=unknown)
            assert asked(shared, options, scope, unknown=unknown) == alone


def counting(monkeypatch: pytest.MonkeyPatch) -> tuple[Questions, list[str]]:
    """Questions, and what they have to understand anew."""
    understood: list[str] = []
    questions = Questions(CURRENT)
    bind = Questions._bind  # noqa: SLF001 - whether it is called is what the tests are about

    def counted(self: Questions, scope: Scope, options: Options, *rest: Any) -> Question:
        understood.append(next(iter(options.texts.values())))
        return bind(self, scope, options, *rest)

    monkeypatch.setattr(Questions, "_bind", counted)
    return questions, understood


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("label eq 'a'", "label eq 'it''s'", id="strings"),
        pytest.param("label eq ''", "label eq 'alice@example.com'", id="strings-with-marks"),
        pytest.param("int32Value gt 1", "int32Value gt -5", id="integers"),
        pytest.param("decimalValue gt 1.5", "decimalValue gt 10.25", id="decimals"),
        pytest.param("decimalValue gt 1", "decimalValue gt 10", id="integers-as-decimals"),
        pytest.param("band eq 'visible'", "band eq 'infrared'", id="members"),
        pytest.param("band eq 'visible'", "band eq 'INFRARED'", id="members-in-any-case"),
        pytest.param("band eq sky.band'visible'", "band eq sky.band'infrared'", id="qualified-members"),
        pytest.param("band in ('visible','infrared')", "band in ('infrared','visible')", id="lists"),
        pytest.param(
            "dateTimeOffsetValue ge 2024-01-01T00:00:00Z",
            "dateTimeOffsetValue ge 2025-01-01T00:00:00%2B02:00",
            id="instants",
        ),
        pytest.param("dateValue eq 2024-01-01", "dateValue eq 2025-01-01", id="dates"),
        pytest.param("durationValue eq duration'PT1S'", "durationValue eq duration'P1D'", id="durations"),
        pytest.param("durationValue eq 'PT1S'", "durationValue eq 'P1D'", id="durations-without-prefix"),
        pytest.param("stringList/any(s:s eq 'a')", "stringList/any(s:s eq 'b')", id="lambdas"),
        pytest.param(
            "label eq null or booleanValue eq true or label eq 'a'",
            "label eq null or booleanValue eq true or label eq 'b'",
            id="beside-words",
        ),
    ],
)
def test_another_literal_needs_no_understanding(monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    """A question of a known shape is neither parsed nor bound."""
    shared, understood = counting(monkeypatch)
    for text in (first, second, first):
        asked(shared, parse_options(f"$filter={text}"))
    assert len(understood) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("label eq 'a'", "label eq 1", id="another-kind"),
        pytest.param("int32Value gt 1", "int32Value gt 2147483648", id="another-size"),
        pytest.param("band eq 'visible'", "band eq 'later'", id="a-member-that-stands-for-others"),
        pytest.param("band eq 'visible'", "band eq 'ultraviolet'", id="no-member"),
        pytest.param("label eq 'a'", "label eq 'a%00'", id="no-string"),
        pytest.param("label eq 'a'", "label ne 'a'", id="another-operator"),
        pytest.param("label eq 'a'", "label eq null", id="null"),
        pytest.param("dateValue eq 2024-01-01", "dateValue eq 2024-02-30", id="no-day"),
        pytest.param("hassubset(stringList,['a'])", "hassubset(stringList,['b'])", id="arrays"),
    ],
)
def test_what_leads_elsewhere_is_understood_anew(monkeypatch: pytest.MonkeyPatch, first: str, second: str) -> None:
    """A literal of another type, or one whose value matters, is not taken for one of the known shape."""
    shared, understood = counting(monkeypatch)
    for text in (first, second):
        asked(shared, parse_options(f"$filter={text}"))
    assert len(understood) == 2


def test_not_a_number_is_no_number_like_others() -> None:
    """A text that spells NaN is not taken for another number in a question known by its shape."""
    shared = Questions(CURRENT)
    scope = scope_of(CURRENT, "instrument")
    for number in ("1.5", "NaN", "2.5"):
        options = parse_options(f"$filter=doubleValue eq '{number}'")
        found = shared.ask(scope, options, (), include_unknown=False, texts=True)
        assert repr(found) == repr(Questions(CURRENT).ask(scope, options, (), include_unknown=False, texts=True))


def test_values_of_the_path_belong_to_each_question() -> None:
    """Of two sources, each question gets the key of its own."""
    shared = Questions(CURRENT)
    options = parse_options("$filter=label eq 'a'")
    for key in ("first", "second", "third"):
        scope = scope_of(CURRENT, "instrument", LinkedTo("observer", key))
        assert shared.ask(scope, options, (), include_unknown=False)[1] == (key, "a")


@pytest.mark.slow
def test_only_the_latest_shapes_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many shapes there are, the memory for them is bounded: the one asked longest ago is forgotten."""
    shared, understood = counting(monkeypatch)
    shapes = [parse_options(f"$filter=label eq 'a'{' or int32Value eq 1' * number}") for number in range(530)]
    for options in shapes:
        asked(shared, options)
    asked(shared, shapes[-1])
    assert len(understood) == 530
    asked(shared, shapes[0])
    assert len(understood) == 531
