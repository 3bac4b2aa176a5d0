"""Questions known by their shape: the texts of their options, literals left out.

Two texts of one shape are parsed and bound alike, but for the values of their literals; so the second one needs neither
parser nor binder. A literal that would have led elsewhere, because it is of another type or stands for several values,
is no match, and whatever depends on the value of a literal is never kept.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from enrollscope.odata.binding.operands import ClauseFault, Operands, Origin, is_nan
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import NotBuilt, SyntaxFault
from enrollscope.odata.grammar.lexer import MAX_LENGTH
from enrollscope.odata.grammar.options import Options
from enrollscope.odata.grammar.selection import OptionGrammar

_MOST_SHAPES = 512
_CLAUSES = ("apply", "compute", "filter", "orderby")

# Whatever the parser might take for a literal, as long as it might be; where it does not, the shape is not kept. What
# begins with a letter is no literal here. Looking behind comes after the first character, which is found faster so.
_QUOTED = re.compile(r"'([^']*+(?:''[^']*+)*+)'")
_NUMBER = re.compile(r"([0-9](?<![\w.@$%'+-].)[\w.:+-]*+|[+-](?<![\w.@$%'+-].)[0-9][\w.:+-]*+)")
_NOT_KEPT = re.compile(r'["@\[{]')
_OF_PREFIXES = frozenset("._")
_SIGNS = frozenset("+-")

_Value = TypeVar("_Value")
Convert: TypeAlias = Callable[[str], Any]
Source: TypeAlias = tuple[int, Convert | None, Any]
"""Which literal, and what makes its stored form of its text; or -1, nothing and a constant."""


class Miss(Exception):
    """A literal that does not go with the shape."""


class Shape(NamedTuple):
    """The texts of the options of one request, taken apart.

    Attributes:
        key: everything but the literals.
        literals: of each clause, what was quoted, without the outer quotes, and then the numbers.
        clauses: each clause with its text.
    """

    key: Hashable
    literals: list[str]
    clauses: list[tuple[str, str]]

    @classmethod
    def of(cls, options: Options, where: Hashable) -> "Shape | None":
        """Take options apart; `None` where shapes are not kept.

        Args:
            where: what else the meaning of the options depends on.
        """
        texts = options.texts
        if "search" in texts or options.aliases:
            return None
        key: list[Hashable] = [where, texts.get("select"), *options.plain.items()]
        literals: list[str] = []
        clauses: list[tuple[str, str]] = []
        for clause in _CLAUSES:
            text = texts.get(clause)
            if text is None:
                continue
            if len(text) > MAX_LENGTH:
                return None
            # Without doubled quotes, whatever stands between two quotes is quoted.
            pieces = text.split("'") if "''" not in text else _QUOTED.split(text)
            words = "'".join(pieces[::2])
            if words.count("'") * 2 + 1 != len(pieces) or _NOT_KEPT.search(words) is not None:
                return None
            parts = _NUMBER.split(words)
            key.append((clause, *parts[::2]))
            literals += pieces[1::2]
            literals += parts[1::2]
            clauses.append((clause, text))
        return cls(tuple(key), literals, clauses)

    def places(self) -> dict[tuple[str, int], tuple[int, str]]:
        """Clause and position of each literal → its number, and the text before its quote that belongs to it."""
        found: dict[tuple[str, int], tuple[int, str]] = {}
        number = 0
        for clause, text in self.clauses:
            quoted = list(_QUOTED.finditer(text))
            for match in quoted:
                start = match.start()
                while start and (text[start - 1].isalnum() or text[start - 1] in _OF_PREFIXES):
                    start -= 1
                found[clause, start] = number, text[start : match.start()]
                number += 1
            words = "'".join(_QUOTED.split(text)[::2])
            for match in _NUMBER.finditer(words):
                left_out = words.count("'", 0, match.start())
                position = match.start() + sum(len(each[0]) - 1 for each in quoted[:left_out])
                found[clause, position] = number, ""
                number += 1
        return found


class _Kept(Generic[_Value]):
    """What one shape came to.

    Attributes:
        sources: where its parameters come from, found out when it is asked for again; empty and not `usable` where
            some literal is not simply a parameter.
    """

    __slots__ = ("operands", "shape", "skip", "sources", "usable", "value")

    def __init__(self, value: _Value, shape: Shape, operands: Operands, skip: int) -> None:
        self.value = value
        self.shape = shape
        self.operands = operands
        self.skip = skip
        self.sources: tuple[Source, ...] | None = None
        self.usable = operands.shareable


class Shapes(Generic[_Value]):
    """The latest shapes, and what they came to. Belongs to one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Kept[_Value]] = OrderedDict()
        self._members: dict[tuple[str, bool], Mapping[str, int]] = {}

    def find(self, shape: Shape) -> tuple[_Value, list[Any]] | None:
        """What a shape came to, and the values of its literals; `None` where it is not known, or they do not fit."""
        kept = self._kept.get(shape.key)
        if kept is None or not kept.usable:
            return None
        if kept.sources is None:
            kept.sources = self._sources(kept)
            if not kept.usable:
                return None
        literals = shape.literals
        try:
            values = [
                constant if convert is None else convert(literals[place]) for place, convert, constant in kept.sources
            ]
        except Miss:
            return None
        self._kept.move_to_end(shape.key)
        return kept.value, values

    def keep(self, shape: Shape, value: _Value, operands: Operands, skip: int) -> None:
        """Remember what a shape came to, and that it did, even where that is of no use to another question.

        Args:
            operands: after binding.
            skip: how many parameters at the start do not belong to the shape.
        """
        if shape.key in self._kept:
            return
        self._kept[shape.key] = _Kept(value, shape, operands, skip)
        if len(self._kept) > _MOST_SHAPES:
            self._kept.popitem(last=False)

    def _sources(self, kept: _Kept[_Value]) -> tuple[Source, ...]:
        places, operands = kept.shape.places(), kept.operands
        used: set[int] = set()
        sources: list[Source] = []
        for stored, origin in zip(operands.parameters[kept.skip :], operands.origins[kept.skip :], strict=True):
            if origin is None:
                sources.append((-1, None, stored))
                continue
            place = places.get((origin.clause, origin.position))
            if place is None:
                kept.usable = False
                return ()
            used.add(place[0])
            sources.append((place[0], self._convert(operands, origin, place[1]), None))
        kept.usable = len(used) == len(kept.shape.literals)
        return tuple(sources)

    def _convert(self, operands: Operands, origin: Origin, prefix: str) -> Convert:
        """What turns other texts of this kind of literal into stored values."""
        kind = origin.type
        if origin.quoted and not prefix:
            if kind is Primitive.STRING:
                return _string
            if isinstance(kind, EnumType):
                return _Member(self._members_of(operands, kind), _Whole(operands, origin, prefix))
        return _ticks if kind is Primitive.DATE_TIME_OFFSET else _Whole(operands, origin, prefix)

    def _members_of(self, operands: Operands, kind: EnumType) -> Mapping[str, int]:
        """The members that stand for themselves alone."""
        hides = operands.hides(kind)
        known = self._members.get((kind.name, hides))
        if known is None:
            known = {name: number for name, number in kind.values.items() if not (hides and name == kind.sentinel)}
            self._members[kind.name, hides] = known
        return known


class _Member:
    """Reads the exact names of members at once, and everything else as the parser does."""

    __slots__ = ("_known", "_other")

    def __init__(self, known: Mapping[str, int], other: Convert) -> None:
        self._known = known
        self._other = other

    def __call__(self, text: str) -> Any:
        number = self._known.get(text)
        return self._other(text) if number is None else number


class _Whole:
    """Reads a literal as the parser does."""

    __slots__ = ("_operands", "_origin", "_prefix")

    def __init__(self, operands: Operands, origin: Origin, prefix: str) -> None:
        self._operands = operands
        self._origin = origin
        self._prefix = prefix

    def __call__(self, text: str) -> Any:
        kind = self._origin.type
        grammar = OptionGrammar(f"{self._prefix}'{text}'" if self._origin.quoted else text, "")
        try:
            literal = grammar.primitive_literal()
            grammar.end()
            stored, found = self._operands.stored(literal, self._origin.wanted)
        except (SyntaxFault, ClauseFault, NotBuilt) as error:
            raise Miss from error
        several = isinstance(kind, EnumType) and self._operands.hidden_numbers(kind, stored)
        if found is not kind or several or is_nan(stored):
            raise Miss
        return stored


def _string(text: str) -> str:
    if "\0" in text:
        raise Miss
    return text.replace("''", "'") if "'" in text else text


def _ticks(text: str) -> int:
    if text[-1] not in "Zz" and text[-6:-5] not in _SIGNS:
        raise Miss
    try:
        return Instant.parse(text).ticks
    except ValueError as error:
        raise Miss from error
