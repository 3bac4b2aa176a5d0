"""Patterns of `matchesPattern` (URL conventions 4.01 §5.1.1.7.1): expressions of ECMAScript, if they are regular.

What only a search by trial and error can find, looking around and back, is not offered: such a search can take longer
than the universe lasts. Every other pattern is turned into one form, spelt in a way that databases agree on.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeAlias, assert_never

from enrollscope.odata.errors import NotBuilt

MOST_REPEATS = 200
MOST_SIZE = 2_000
"""Characters that a pattern stands for, repetitions written out."""
_MOST_DEPTH = 30

_LAST = 0x10FFFF

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""First and last code points, ascending, apart."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Edge:
    """The start or the end of the text."""

    start: bool


@dataclass(frozen=True, slots=True)
class Sequence:
    """One after the other; of nothing: the empty text."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same again, from `least` to `most` times; `None`: without end."""

    part: "Node"
    least: int
    most: int | None


Node: TypeAlias = Chars | Edge | Sequence | Choice | Repeat


class BadPattern(ValueError):
    """Text that is no pattern; `position` is where that shows."""

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(problem)
        self.problem = problem
        self.position = position


def _of(*spans: str) -> Ranges:
    """Ranges written as `az`, or a character alone."""
    return _merged([(ord(span[0]), ord(span[-1])) for span in spans])


def _merged(ranges: list[tuple[int, int]]) -> Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return tuple(found)


def _all_but(ranges: Ranges) -> Ranges:
    found: list[tuple[int, int]] = []
    low = 0
    for first, last in ranges:
        if low < first:
            found.append((low, first - 1))
        low = last + 1
    return (*found, (low, _LAST)) if low <= _LAST else tuple(found)


_LINE_ENDS = _of("\n", "\r", "\u2028\u2029")
_DIGITS = _of("09")
_WORD = _of("az", "AZ", "09", "_")
_SPACE = _of("\t\r", " ", "\xa0", "\u1680", "\u2000\u200a", "\u2028\u2029", "\u202f", "\u205f", "\u3000", "\ufeff")
_CLASSES: Mapping[str, Ranges] = MappingProxyType(
    {
        "d": _DIGITS,
        "w": _WORD,
        "s": _SPACE,
        "D": _all_but(_DIGITS),
        "W": _all_but(_WORD),
        "S": _all_but(_SPACE),
    }
)
_CONTROLS: Mapping[str, str] = MappingProxyType({"t": "\t", "n": "\n", "r": "\r", "f": "\f", "v": "\v"})
_HEX = re.compile(r"x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]{1,6})\}")
_LONG_HEX = re.compile(r"u([0-9A-F]{4})|U([0-9A-F]{8})")
_COUNTS = re.compile(r"\{([0-9]{1,9})(?:(,)([0-9]{1,9})?)?\}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z0-9_]")
_SPECIAL = frozenset("\\^$.*+?()[]{}|/-")
_NOT_REGULAR = re.compile(r"\\[bB1-9kpPc]|\(\?[=!<]")


def parse_pattern(text: str, *, spelt: bool = False) -> Node:
    """Read a pattern.

    Args:
        spelt: as `spell_pattern` writes it, which has one escape that ECMAScript lacks.

    Raises:
        BadPattern: it is none, or a repetition in it goes too far.
        NotBuilt: it is one that is not offered.
    """
    reader = _Reader(text, spelt=spelt)
    node = reader.choice(0)
    if reader.position < len(text):
        raise BadPattern("this closing parenthesis closes nothing", reader.position)
    if _size(node) > MOST_SIZE:
        raise BadPattern(f"with its repetitions the pattern stands for more than {MOST_SIZE} characters", 0)
    return node


class _Reader:
    def __init__(self, text: str, *, spelt: bool) -> None:
        self.text = text
        self.position = 0
        self._hexadecimal = _LONG_HEX if spelt else _HEX

    def choice(self, depth: int) -> Node:
        if depth > _MOST_DEPTH:
            raise BadPattern(f"groups are nested more than {_MOST_DEPTH} levels deep", self.position)
        parts = [self._sequence(depth)]
        while self._skip("|"):
            parts.append(self._sequence(depth))
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))

    def _sequence(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.position < len(self.text) and self.text[self.position] not in "|)":
            parts.append(self._quantified(depth))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def _quantified(self, depth: int) -> Node:
        start = self.position
        node = self._atom(depth)
        counts = self._quantifier()
        if counts is None:
            return node
        if isinstance(node, Edge):
            raise BadPattern("an edge of the text cannot be repeated", start)
        return Repeat(node, *counts)

    def _quantifier(self) -> tuple[int, int | None] | None:
        """How often; whether as often as can be or as seldom does not matter to whether there is a match."""
        start = self.position
        counts: tuple[int, int | None]
        if self._skip("*"):
            counts = 0, None
        elif self._skip("+"):
            counts = 1, None
        elif self._skip("?"):
            counts = 0, 1
        elif (match := _COUNTS.match(self.text, start)) is not None:
            self.position = match.end()
            least = int(match[1])
            counts = least, int(match[3]) if match[3] else None if match[2] else least
        else:
            return None
        least, most = counts
        if most is not None and most < least:
            raise BadPattern("a repetition goes from fewer to more", start)
        if max(least, most or 0) > MOST_REPEATS:
            raise BadPattern(f"a repetition goes to {MOST_REPEATS} at most", start)
        self._skip("?")
        return counts

    def _atom(self, depth: int) -> Node:
        start = self.position
        if _NOT_REGULAR.match(self.text, start) is not None:
            raise NotBuilt("matchesPattern is offered without looking ahead or back, word edges and references.")
        character = self.text[start]
        self.position += 1
        match character:
            case "^":
                return Edge(start=True)
            case "$":
                return Edge(start=False)
            case ".":
                return Chars(_all_but(_LINE_ENDS))
            case "(":
                if not self._skip("?:") and self.text.startswith("?", self.position):
                    raise BadPattern("a group cannot begin like that", start)
                inner = self.choice(depth + 1)
                if not self._skip(")"):
                    raise BadPattern("this parenthesis is not closed", start)
                return Sequence((inner,)) if isinstance(inner, Edge) else inner
            case "[":
                return Chars(self._class(start))
            case "\\":
                return Chars(self._escape(start))
            case "*" | "+" | "?" | "{" | "}" | "]":
                raise BadPattern(f"'{character}' has nothing to work on here; write '\\{character}'", start)
            case _:
                return Chars(_of(character))

    def _class(self, start: int) -> Ranges:
        negated = self._skip("^")
        ranges: list[tuple[int, int]] = []
        while not self._skip("]"):
            if self.position >= len(self.text):
                raise BadPattern("this bracket is not closed", start)
            at = self.position
            low = self._member()
            if self.text.startswith("-", self.position) and not self.text.startswith("-]", self.position):
                self.position += 1
                if self.position >= len(self.text):
                    raise BadPattern("this bracket is not closed", start)
                high = self._member()
                if len(low) > 1 or len(high) > 1 or low[0][0] != low[0][1] or low[0][0] > high[0][1]:
                    raise BadPattern("a range goes from a lower character to a higher one", at)
                ranges.append((low[0][0], high[0][1]))
            else:
                ranges += low
        merged = _merged(ranges)
        return _all_but(merged) if negated else merged

    def _member(self) -> Ranges:
        start = self.position
        self.position += 1
        if self.text[start] != "\\":
            return _of(self.text[start])
        if self.text.startswith("b", self.position):
            self.position += 1
            return _of("\b")
        return self._escape(start)

    def _escape(self, start: int) -> Ranges:
        character = self.text[self.position : self.position + 1]
        match = self._hexadecimal.match(self.text, self.position)
        if match is not None:
            self.position = match.end()
            code = int(next(group for group in match.groups() if group), 16)
            if code > _LAST or 0xD800 <= code < 0xE000:
                raise BadPattern("there is no such character", start)
            return ((code, code),)
        self.position += 1
        if character in _CLASSES:
            return _CLASSES[character]
        if character in _CONTROLS:
            return _of(_CONTROLS[character])
        if character in _SPECIAL:
            return _of(character)
        raise BadPattern("this backslash stands before nothing that could follow it", start)

    def _skip(self, piece: str) -> bool:
        if self.text.startswith(piece, self.position):
            self.position += len(piece)
            return True
        return False


def _size(node: Node) -> int:
    match node:
        case Chars() | Edge():
            return 1
        case Sequence(parts=parts) | Choice(parts=parts):
            return 1 + sum(map(_size, parts))
        case Repeat(part=part, least=least, most=most):
            return 1 + _size(part) * max(least + (most is None), most or 0, 1)
        case _:
            assert_never(node)


def spell_pattern(node: Node) -> str:
    """Write a pattern in the one form: groups without numbers, sets in brackets, few escapes."""
    return "".join(_spelt(node))


def _spelt(node: Node) -> Iterator[str]:
    match node:
        case Chars(ranges=((low, high),)) if low == high:
            yield _letter(low)
        case Chars(ranges=()):
            yield "[^\\u0001-\\U0010FFFF]"  # of no character: texts do not hold the one left out
        case Chars(ranges=ranges):
            yield f"[{''.join(map(_span, ranges))}]"
        case Edge(start=start):
            yield "^" if start else "$"
        case Sequence(parts=parts):
            yield "(?:"
            for part in parts:
                yield from _spelt(part)
            yield ")"
        case Choice(parts=parts):
            yield "(?:"
            for index, part in enumerate(parts):
                yield "|" if index else ""
                yield from _spelt(part)
            yield ")"
        case Repeat(part=part, least=least, most=most):
            yield "(?:"
            yield from _spelt(part)
            yield f"){{{least},{'' if most is None else most}}}"
        case _:
            assert_never(node)


def _span(span: tuple[int, int]) -> str:
    low, high = max(span[0], 1), span[1]
    return _letter(low) if low == high else f"{_letter(low)}-{_letter(high)}"


def _letter(code: int) -> str:
    if _PLAIN.fullmatch(chr(code)) is not None:
        return chr(code)
    return f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
