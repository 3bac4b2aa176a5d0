import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.lexer import MAX_IDENTIFIER, Encoded, Scanner


@pytest.mark.parametrize(
    ("raw", "text", "origins"),
    [
        pytest.param("", "", (0,), id="empty"),
        pytest.param("ab", "ab", (0, 1, 2), id="plain"),
        pytest.param("a%20b", "a b", (0, 1, 4, 5), id="blank"),
        pytest.param("%C3%A4%E2%82%ACx", "ä€x", (0, 6, 15, 16), id="characters-of-several-bytes"),
        pytest.param("%F0%9F%98%80", "😀", (0, 12), id="one-character-of-four-bytes"),
        pytest.param("%2525", "%25", (0, 3, 4, 5), id="decoded-once"),
        pytest.param("a#b", "a\udfffb", (0, 1, 2, 3), id="number-sign-that-is-not-encoded"),
        pytest.param("a%23b", "a#b", (0, 1, 4, 5), id="encoded-number-sign"),
        pytest.param("a+b", "a+b", (0, 1, 2, 3), id="plus"),
    ],
)
def test_decoding_remembers_where_characters_began(raw: str, text: str, origins: tuple[int, ...]) -> None:
    """Every character of the decoded text, and its end, has a place in the encoded one."""
    encoded = Encoded.decode(raw)
    assert (encoded.text, encoded.origins) == (text, origins)


@given(st.text(st.characters(codec="utf-8"), max_size=20))
def test_what_is_encoded_decodes(text: str) -> None:
    """Any text survives being percent-encoded byte by byte."""
    raw = "".join(f"%{byte:02x}" for byte in text.encode())
    encoded = Encoded.decode(raw)
    assert encoded.text == text
    assert len(encoded.origins) == len(text) + 1
    assert encoded.origins[-1] == len(raw)


@pytest.mark.parametrize(
    ("raw", "position"),
    [
        pytest.param("ab%", 2, id="percent-alone"),
        pytest.param("%4", 0, id="half"),
        pytest.param("a%20%g0", 4, id="behind-another"),
        pytest.param("a%C3", 1, id="first-byte-alone"),
        pytest.param("%20%A4", 3, id="second-byte-alone"),
        pytest.param("%F5%80%80%80", 0, id="beyond-unicode"),
    ],
)
def test_wrong_encodings(raw: str, position: int) -> None:
    """An escape that is none, or bytes that are not UTF-8, are a fault at their place."""
    with pytest.raises(SyntaxFault) as caught:
        Encoded.decode(raw)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a", id="letter"),
        pytest.param("_1", id="underscore"),
        pytest.param("Ünïcödé", id="letters"),
        pytest.param("Ⅷa", id="letter-number"),
        pytest.param("a\u0301", id="combining-mark"),
        pytest.param("न\u093e", id="spacing-mark"),
        pytest.param("a٣", id="digit-of-another-script"),
        pytest.param("a\u200d", id="joiner"),
        pytest.param("x" * MAX_IDENTIFIER, id="longest"),
    ],
)
def test_identifiers(name: str) -> None:
    """Letters and letter numbers first, then also digits, marks, connectors and format characters (CSDL 4.01 §17.4)."""
    scanner = Scanner(f"{name}.", "Invalid name")
    assert scanner.identifier() == name
    assert scanner.peek() == "."


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("1a", 0, id="digit-first"),
        pytest.param("\u0301a", 0, id="mark-first"),
        pytest.param("a€", 1, id="symbol"),
        pytest.param("a😀", 1, id="emoji"),
        pytest.param("x" * (MAX_IDENTIFIER + 1), MAX_IDENTIFIER, id="too-long"),
        pytest.param("a\udfff", 1, id="no-character"),
    ],
)
def test_no_identifiers(text: str, position: int) -> None:
    """Other characters are refused where they stand."""
    with pytest.raises(SyntaxFault) as caught:
        Scanner(text, "Invalid name").identifier()
    assert caught.value.position == position


def test_positions_count_from_the_whole_text() -> None:
    """A part of a longer text tells positions of that text, in its encoded form."""
    encoded = Encoded.decode("%20x")
    scanner = Scanner(encoded.text, "Invalid part", encoded=encoded, offset=100)
    scanner.blanks()
    fault = scanner.expected("a number")
    assert fault.position == 103
    assert fault.message == "Invalid part: expected a number, found 'x' at position 3 in '%20x'."
