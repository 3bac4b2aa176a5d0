"""Reading text from left to right: where we are, what comes next, and how a fault is told.

There is no list of tokens: in OData the rule decides what the next characters are (`08/15` is a search word, a quotient
of nothing in `$filter`), so each rule asks for the tokens it can use.
"""

import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from enrollscope.odata.errors import SyntaxFault

Names: TypeAlias = Mapping[str, Collection[str]]

MAX_LENGTH = 32_768
"""Characters of one query option; longer text is refused unread."""
MAX_NODES = 4_000
"""Operands of one expression, so that binding and SQL stay bounded too."""
MAX_DEPTH = 64
"""Nested operands, far below what the interpreter's stack can bear."""
MAX_HEIGHT = 128
"""Levels of the tree of an expression, which chains such as `1 add 1 add 1` make higher than its text is nested."""
MAX_IDENTIFIER = 128

_EXCERPT = 200

NAME = r"[A-Za-z_\x80-\U0010FFFF][\w\x80-\U0010FFFF]*+"
"""An identifier; what stands outside ASCII is checked by category afterwards."""

_BLANK = frozenset(" \t")
_IDENTIFIER = re.compile(NAME, re.ASCII)
_QUALIFIED = re.compile(rf"{NAME}(?:\.{NAME})*", re.ASCII)
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_STRING = re.compile(r"'([^'\ud800-\udfff]*(?:''[^'\ud800-\udfff]*)*+)'")
_ESCAPE = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_FIRST_CATEGORIES = frozenset({"Lu", "Ll", "Lt", "Lm", "Lo", "Nl"})
_OTHER_CATEGORIES = _FIRST_CATEGORIES | {"Nd", "Mn", "Mc", "Pc", "Cf"}

# Characters that no URL holds unless encoded (RFC 3986 §2). The stand-in is half a surrogate pair: UTF-8 cannot encode
# it, so it meets no rule and no text of a client.
_STAND_IN = "\udfff"
_NEVER_PLAIN = str.maketrans(dict.fromkeys("#<>^`|\x00\n\r", _STAND_IN))


@dataclass(frozen=True, slots=True)
class Encoded:
    """A percent-encoded text and its decoding.

    Attributes:
        raw: the text as it came.
        text: decoded; a character that may not stand unencoded in a URL became U+DFFF, which fits no rule.
        origins: for each character of `text`, and for its end, where it begins in `raw`.
    """

    raw: str
    text: str
    origins: tuple[int, ...]

    @classmethod
    def decode(cls, raw: str) -> "Encoded":
        """Decode `%XX` sequences as UTF-8.

        Raises:
            SyntaxFault: a `%` without two hexadecimal digits, or bytes that are not UTF-8.
        """
        pieces: list[str] = []
        origins: list[int] = []
        position = 0
        for match in _ESCAPE.finditer(raw):
            plain = raw[position : match.start()]
            _refuse_percent(plain, position)
            decoded = _decode_bytes(match[0], match.start())
            pieces += (plain.translate(_NEVER_PLAIN), decoded)
            origins += range(position, match.start())
            position = match.start()
            for character in decoded:
                origins.append(position)
                position += 3 * len(character.encode())
        _refuse_percent(raw[position:], position)
        pieces.append(raw[position:].translate(_NEVER_PLAIN))
        return cls(raw, "".join(pieces), (*origins, *range(position, len(raw) + 1)))


def _refuse_percent(plain: str, start: int) -> None:
    if "%" in plain:
        position = start + plain.index("%")
        raise SyntaxFault(f"'%' must be followed by two hexadecimal digits, at position {position}.", position=position)


def _decode_bytes(escapes: str, start: int) -> str:
    try:
        return bytes.fromhex(escapes.replace("%", "")).decode()
    except UnicodeDecodeError as error:
        position = start + 3 * error.start
        raise SyntaxFault(
            f"The percent-encoded bytes at position {position} are not UTF-8.", position=position
        ) from error


class Scanner:
    """A text, a position in it, and the faults found there. Grammars inherit from it, one per chapter of the ABNF.

    Args:
        text: what to read, decoded.
        clause: how a message about it begins: `Invalid filter clause`.
        names: the declared names by ABNF rule (`entitySetName`, …), where the caller wants them to count.
        encoded: the URL text that `text` was decoded from, when positions are to count its characters.
        offset: characters before `text` in what the client sent, when it is a part of a longer text.
        plain: without `encoded`, where a character stands that did not come percent-encoded, as far as that matters.
    """

    __slots__ = ("clause", "depth", "encoded", "names", "nodes", "offset", "operators", "plain", "position", "text")

    def __init__(
        self,
        text: str,
        clause: str,
        *,
        names: Names | None = None,
        encoded: Encoded | None = None,
        offset: int = 0,
        plain: frozenset[int] = frozenset(),
    ) -> None:
        self.text = text
        self.clause = clause
        self.names = names
        self.encoded = encoded
        self.offset = offset
        self.plain = plain
        self.position = 0
        self.depth = 0
        self.nodes = 0
        self.operators = 0
        if len(text) > MAX_LENGTH:
            raise self.refused(f"the text is longer than {MAX_LENGTH} characters", MAX_LENGTH)

    def refused(self, problem: str, position: int | None = None) -> SyntaxFault:
        """Make the fault to raise: what is wrong, where, and in which text (contract §4.5)."""
        position = self.position if position is None else position
        source = self.text
        if self.encoded is not None:
            position, source = self.encoded.origins[position], self.encoded.raw
        shown = source if len(source) <= _EXCERPT else source[:_EXCERPT] + "…"
        message = f"{self.clause}: {problem} at position {position} in '{shown}'."
        return SyntaxFault(message, position=self.offset + position)

    def expected(self, expected: str, position: int | None = None) -> SyntaxFault:
        """Make the fault to raise where something else was needed."""
        position = self.position if position is None else position
        found = self.text[position : position + 20].split(" ")[0] or self.text[position : position + 1]
        found = "".join(self._as_sent(place, character) for place, character in enumerate(found, position))
        return self.refused(f"expected {expected}, found {repr(found) if found else 'the end'}", position)

    def _as_sent(self, position: int, character: str) -> str:
        """A character, or what the client sent where it is only a stand-in."""
        if character != _STAND_IN or self.encoded is None:
            return character
        return self.encoded.raw[self.encoded.origins[position]]

    def peek(self) -> str:
        """The next character; empty at the end."""
        return self.text[self.position : self.position + 1]

    def skip(self, piece: str) -> bool:
        """Step over `piece`, if it comes next."""
        if self.text.startswith(piece, self.position):
            self.position += len(piece)
            return True
        return False

    def word(self, word: str) -> bool:
        """Step over `word` in any case, if it comes next."""
        if self._word_is(word.lower()):
            self.position += len(word)
            return True
        return False

    def need(self, piece: str) -> None:
        """Step over `piece`, which must come next."""
        if not self.skip(piece):
            raise self.expected(repr(piece) if piece != "'" else 'a "\'"')

    def blanks(self) -> None:
        """BWS: step over blanks and tabs, if any."""
        text, position = self.text, self.position
        while text[position : position + 1] in _BLANK:
            position += 1
        self.position = position

    def comma(self) -> bool:
        """Step over a comma and the blanks around it, if one comes next."""
        start = self.position
        if self.text[start : start + 1] in _BLANK:
            self.blanks()
        if self.text[self.position : self.position + 1] == ",":
            self.position += 1
            self.blanks()
            return True
        self.position = start
        return False

    def end(self, expected: str = "the end") -> None:
        """Insist that nothing is left."""
        if self.position < len(self.text):
            self.blanks()
            raise self.expected(expected)

    def keyword(self, word: str) -> bool:
        """Step over `RWS word RWS` in any case, if it comes next; blanks alone are left where they are."""
        start = self.position
        self.blanks()
        if self.position > start and self._word_is(word):
            self.position += len(word)
            after = self.position
            self.blanks()
            if self.position > after:
                return True
        self.position = start
        return False

    def need_keyword(self, word: str) -> None:
        """Step over `RWS word RWS`, which must come next."""
        if not self.keyword(word):
            self.blanks()
            alone = self._word_is(word) and not self.text[self.position + len(word) :][:1].isalnum()
            raise self.expected(f"'{word}' and a name" if alone else f"'{word}'")

    def _word_is(self, word: str) -> bool:
        return self.text[self.position : self.position + len(word)].lower() == word

    def identifier(self, expected: str = "a name") -> str:
        """OdataIdentifier."""
        match = _IDENTIFIER.match(self.text, self.position)
        if match is None:
            raise self.expected(expected)
        self.check_name(match[0], match.start())
        self.position = match.end()
        return match[0]

    def dotted(self, expected: str = "a name") -> str:
        """One or more identifiers with dots between them."""
        match = _QUALIFIED.match(self.text, self.position)
        if match is None:
            raise self.expected(expected)
        self.check_name(match[0], match.start())
        self.position = match.end()
        return match[0]

    def check_name(self, name: str, start: int) -> None:
        """Refuse identifiers that are too long or hold characters of the wrong Unicode category."""
        if len(name) <= MAX_IDENTIFIER and name.isascii():
            return
        for part in name.split("."):
            if len(part) > MAX_IDENTIFIER:
                raise self.refused(f"a name has at most {MAX_IDENTIFIER} characters", start + MAX_IDENTIFIER)
            for index, character in enumerate(part):
                allowed = _OTHER_CATEGORIES if index else _FIRST_CATEGORIES
                if character != "_" and unicodedata.category(character) not in allowed:
                    sent = self._as_sent(start + index, character)
                    raise self.refused(f"{sent!r} cannot stand here in a name", start + index)
            start += len(part) + 1

    def quoted(self) -> str:
        """Text in single quotes, with quotes inside doubled."""
        match = _STRING.match(self.text, self.position)
        if match is None:
            raise self.unclosed("'")
        self.position = match.end()
        return match[1].replace("''", "'")

    def unclosed(self, quote: str) -> SyntaxFault:
        """Make the fault to raise where text begins without a quote, or ends before its closing one."""
        if self.peek() != quote:
            return self.expected(f"text in {quote}")
        if (wrong := _SURROGATE.search(self.text, self.position)) is not None:
            return self.refused("a character that must be percent-encoded", wrong.start())
        return self.refused(f"the text that begins at position {self.position} has no closing {quote}", len(self.text))

    def digits(self, expected: str = "a non-negative integer") -> int:
        """One or more decimal digits, at most eighteen of them."""
        start = self.position
        while self.peek().isdecimal() and self.peek().isascii():
            self.position += 1
        if self.position == start:
            raise self.expected(expected)
        if self.position - start > 18:
            raise self.refused("the number is too large", start)
        return int(self.text[start : self.position])

    def is_encoded(self, position: int) -> bool:
        """Whether the character at `position` came percent-encoded; unknown counts as yes."""
        if self.encoded is None:
            return position not in self.plain
        return self.encoded.raw[self.encoded.origins[position]] == "%"

    def enter(self) -> None:
        """Count one more node and one more level; the caller steps `depth` down when it leaves the level."""
        self.depth += 1
        self.nodes += 1
        if self.depth > MAX_DEPTH or self.nodes > MAX_NODES:
            raise self.too_much()

    def count_node(self) -> None:
        """Count one more node of a list, on the same level."""
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.too_much()

    def too_much(self) -> SyntaxFault:
        """Make the fault to raise where nesting or the number of parts goes beyond its bound."""
        if self.depth > MAX_DEPTH:
            return self.refused(f"the expression is nested more than {MAX_DEPTH} levels deep")
        return self.refused(f"the expression has more than {MAX_NODES} parts")
