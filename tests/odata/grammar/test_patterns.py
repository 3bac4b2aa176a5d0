"""Patterns: what is one, what it finds, and how long that takes."""

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.grammar.patterns import BadPattern, parse_pattern, spell_pattern
from enrollscope.store.automata import automaton
from tests.odata.bound import bind_list, condition


def finds(pattern: str, text: str) -> bool:
    """Whether a pattern is found in a text."""
    return automaton(spell_pattern(parse_pattern(pattern))).found_in(text)


@pytest.mark.parametrize(
    ("pattern", "found", "missed"),
    [
        pytest.param("a", ["a", "bab"], ["", "A"], id="letter"),
        pytest.param("", ["", "a"], [], id="empty"),
        pytest.param("^a", ["ab"], ["ba", "\na"], id="start"),
        pytest.param("a$", ["ba"], ["ab", "a\n"], id="end"),
        pytest.param("^$", [""], ["a"], id="nothing-between"),
        pytest.param("a.c", ["abc", "a😀c"], ["ac", "a\nc", "a\u2028c"], id="any-character"),
        pytest.param("^ab|cd$", ["abx", "xcd"], ["xab", "cdx"], id="choice"),
        pytest.param("^(?:ab|)c", ["abc", "c"], ["ac"], id="empty-choice"),
        pytest.param("^a*$", ["", "aaa"], ["aab"], id="star"),
        pytest.param("^a+?$", ["a", "aa"], [""], id="plus-as-few-as-can-be"),
        pytest.param("^ab?$", ["a", "ab"], ["abb"], id="optional"),
        pytest.param("^a{2}$", ["aa"], ["a", "aaa"], id="times"),
        pytest.param("^a{2,}$", ["aa", "aaaa"], ["a"], id="at-least"),
        pytest.param("^a{1,2}$", ["a", "aa"], ["", "aaa"], id="from-to"),
        pytest.param("^a{0}$", [""], ["a"], id="never"),
        pytest.param("^(ab){2}$", ["abab"], ["ab"], id="group-times"),
        pytest.param("^[a-cX]$", ["a", "c", "X"], ["d", "x", "-"], id="set"),
        pytest.param("^[^a-c]$", ["d", "\n", "😀"], ["a"], id="all-but"),
        pytest.param("^[]$", [], ["", "a"], id="no-character"),
        pytest.param("^[^]$", ["a", "\n"], [""], id="every-character"),
        pytest.param(r"^[\d.\-\]]$", ["7", ".", "-", "]"], ["a", "\\"], id="escapes-in-a-set"),
        pytest.param("^[a-]$", ["a", "-"], ["b"], id="hyphen-at-the-end"),
        pytest.param(r"^\d\D\w\W\s\S$", ["1a_- x"], ["٣a_- x"], id="classes"),
        pytest.param(r"\u00e9\x41\u{1F600}", ["éA😀"], ["eA😀"], id="code-points"),
        pytest.param(r"^\.\*\\$", [".*\\"], ["a*\\"], id="escaped"),
        pytest.param("a/b-c'd", ["a/b-c'd"], [], id="plain-marks"),
    ],
)
def test_what_patterns_find(pattern: str, found: list[str], missed: list[str]) -> None:
    """Some part of the text matches, unless the pattern says where."""
    assert [text for text in [*found, *missed] if finds(pattern, text)] == found


@pytest.mark.parametrize(
    ("pattern", "problem", "position"),
    [
        pytest.param("(a", "this parenthesis is not closed", 0, id="open-group"),
        pytest.param("a)", "closes nothing", 1, id="closing"),
        pytest.param("[a", "this bracket is not closed", 0, id="open-set"),
        pytest.param("[a-", "this bracket is not closed", 0, id="open-range"),
        pytest.param("[b-a]", "from a lower character to a higher", 1, id="range-backwards"),
        pytest.param(r"[\d-z]", "from a lower character to a higher", 1, id="range-of-a-class"),
        pytest.param("*a", "'*' has nothing to work on", 0, id="nothing-to-repeat"),
        pytest.param("a**", "'*' has nothing to work on", 2, id="repeated-twice"),
        pytest.param("^*", "an edge of the text cannot be repeated", 0, id="edge-repeated"),
        pytest.param("a{2,1}", "from fewer to more", 1, id="counts-backwards"),
        pytest.param("a{201}", "goes to 200 at most", 1, id="too-often"),
        pytest.param("((a{50}){50})", "more than 2000 characters", 0, id="too-large"),
        pytest.param("(" * 40 + ")" * 40, "nested more than 30 levels", 31, id="too-deep"),
        pytest.param("a{x}", "'{' has nothing to work on", 1, id="brace"),
        pytest.param("\\", "this backslash stands before nothing", 0, id="backslash-at-the-end"),
        pytest.param("\\q", "this backslash stands before nothing", 0, id="unknown-escape"),
        pytest.param(r"\ud83d", "there is no such character", 0, id="half-a-character"),
        pytest.param("(?a)", "a group cannot begin like that", 0, id="unknown-group"),
        pytest.param(r"\U0001F600", "this backslash stands before nothing", 0, id="escape-of-others"),
    ],
)
def test_what_is_no_pattern(pattern: str, problem: str, position: int) -> None:
    """The fault says what is wrong, and where in the pattern."""
    with pytest.raises(BadPattern) as refused:
        parse_pattern(pattern)
    assert problem in refused.value.problem
    assert refused.value.position == position


@pytest.mark.parametrize(
    "pattern",
    [
        *(pytest.param(f"a{piece}", id=piece) for piece in (r"\b", r"\B", r"\1", r"\k<n>", r"\p{L}", r"\cA")),
        *(pytest.param(f"({piece}a)", id=piece) for piece in ("?=", "?!", "?<=", "?<!", "?<n>")),
    ],
)
def test_what_is_not_regular_is_not_offered(pattern: str) -> None:
    """Valid, and 501."""
    with pytest.raises(NotBuilt):
        parse_pattern(pattern)


TEXTS = st.text(st.sampled_from("ab01 _\n\té-"), max_size=8)
PIECES = st.sampled_from(("a", "b", "0", ".", "é", r"\d", r"\w", r"\s", r"\S", "[ab]", "[^a0]", "[0-9_]", "^", r"\n"))
PATTERNS = st.recursive(
    PIECES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: f"({'|'.join(parts)})"),
        st.tuples(inner, st.sampled_from(("*", "+", "?", "{2}", "{1,3}", "{2,}", "+?"))).map(
            lambda parts: f"(?:{parts[0]}){parts[1]}"
        ),
    ),
    max_leaves=8,
)


@given(PATTERNS, TEXTS)
def test_patterns_find_what_others_find(pattern: str, text: str) -> None:
    """Where Python's expressions and ECMAScript's are the same, so are the answers."""
    assert finds(pattern, text) is (re.search(pattern, text, re.ASCII) is not None)


@pytest.mark.parametrize(
    "pattern",
    [
        pytest.param("^(a+)+$", id="nested"),
        pytest.param("^(a|a)*$", id="alike"),
        pytest.param("^(a*)*(a*)*(a*)*$", id="stars"),
        pytest.param("^(a?){50}a{50}$", id="optional"),
    ],
)
def test_no_pattern_takes_long(pattern: str) -> None:
    """What takes others longer than anyone can wait takes a time that grows with the text."""
    begun = time.perf_counter()
    assert finds(pattern, "a" * 3_000 + "b") is False
    assert time.perf_counter() - begun < 5


def test_a_pattern_in_a_filter() -> None:
    """It reaches the store in the one form; null gives null."""
    assert condition("matchesPattern(label,'^A%5Cd')") == "(matchespattern label '(?:^A[0-9])':String)"
    assert condition("matchesPattern(label,null) eq null") == "(eq (matchespattern label null) null)"


def test_a_fault_in_a_filter() -> None:
    """The answer says where in the filter the pattern stands, and where in the pattern the fault is."""
    with pytest.raises(BadRequest) as refused:
        bind_list("$filter=matchesPattern(label,'a(')")
    assert refused.value.message == (
        "Invalid filter clause: Invalid pattern: this parenthesis is not closed, at character 1 of the pattern."
    )
    assert (refused.value.target, refused.value.position) == ("$filter", 21)
