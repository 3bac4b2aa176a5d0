"""Questions known by their shape: the texts of their options, literals left out.

Two texts of one shape are parsed and bound alike, but for the values of their literals; so the second one needs neither
parser nor binder. A literal that would have led elsewhere, because it is of another type or stands for several values,
is no match, and whatever depends on the value of a literal is never kept.
"""

import re
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any, Generic, NamedTuple, TypeAlias, TypeVar

from enrollscope.odata.bound import ScalarType
from enrollscope.odata.edm import EnumType, Primitive
from enrollscope.odata.errors import NotBuilt, SyntaxFault
from enrollscope.odata.expr import Literal
from enrollscope.odata.lexer import MAX_LENGTH
from enrollscope.odata.operands import ClauseFault, Operands
from enrollscope.odata.options import Options
from enrollscope.odata.selection import OptionGrammar
from enrollscope.odata.values import Instant

_MOST_SHAPES = 512
_CLAUSES = ("apply", "compute", "filter", "orderby")

# Whatever the parser might take for a literal, as long as it might be. Where it does not, the shape is not kept.
_LITERAL = re.compile(
    r"((?:(?<![\w.])[^\W\d][\w.]*+)?'(?:[^']|'')*+'"
    r"|(?<![\w.@$%+-])(?:[0-9A-Fa-f]{8}-[0-9A-Fa-f-]{27}(?![\w-])|[+-]?[0-9][\w.:+-]*+))"
)
_NOT_KEPT = re.compile(r'["@\[{]')

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
        literals: their texts, in order.
    """

    key: Hashable
    literals: list[str]
    texts: tuple[tuple[str, list[str]], ...]

    @classmethod
    def of(cls, options: Options, where: Hashable) -> "Shape | None":
        """Take options apart; `None` where shapes are not kept.

        Args:
            where: what else the meaning of the options depends on.
        """
        texts = options.texts
        if "search" in texts or options.aliases:
            return None
        key: list[Hashable] = [where, texts.get("select")]
        literals: list[str] = []
        pieces_of: list[tuple[str, list[str]]] = []
        for clause in _CLAUSES:
            text = texts.get(clause)
            if text is None:
                continue
            if len(text) > MAX_LENGTH:
                return None
            pieces = _LITERAL.split(text)
            plain = pieces[::2]
            joined = "\0".join(plain)
            if _NOT_KEPT.search(joined) is not None:
                return None
            key.append(clause)
            key.append(joined)
            literals += pieces[1::2]
            pieces_of.append((clause, pieces))
        return cls(tuple(key), literals, tuple(pieces_of))

    def places(self) -> dict[tuple[str, int], int]:
        """Clause and position → number of the literal that stands there."""
        found: dict[tuple[str, int], int] = {}
        for clause, pieces in self.texts:
            position = 0
            for index, piece in enumerate(pieces):
                if index % 2:
                    found[clause, position] = len(found)
                position += len(piece)
        return found


class Shapes(Generic[_Value]):
    """The latest shapes, and what they came to. Belongs to one thread."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, tuple[_Value, tuple[Source, ...]]] = OrderedDict()

    def find(self, shape: Shape) -> tuple[_Value, list[Any]] | None:
        """What a shape came to, and the values of its literals; `None` where it is not known, or they do not fit."""
        kept = self._kept.get(shape.key)
        if kept is None:
            return None
        literals = shape.literals
        try:
            values = [constant if convert is None else convert(literals[place]) for place, convert, constant in kept[1]]
        except Miss:
            return None
        self._kept.move_to_end(shape.key)
        return kept[0], values

    def keep(self, shape: Shape, value: _Value, operands: Operands, skip: int) -> None:
        """Remember what a shape came to, unless some literal of it is not simply a parameter.

        Args:
            operands: after binding.
            skip: how many parameters at the start do not belong to the shape.
        """
        places = shape.places()
        used: set[int] = set()
        sources: list[Source] = []
        for stored, origin in zip(operands.parameters[skip:], operands.origins[skip:], strict=True):
            if origin is None:
                sources.append((-1, None, stored))
                continue
            place = places.get((origin.clause, origin.position))
            if place is None:
                return
            used.add(place)
            sources.append((place, self._convert(operands, origin.wanted, shape.literals[place], origin.type), None))
        if len(used) < len(shape.literals):
            return
        self._kept[shape.key] = value, tuple(sources)
        if len(self._kept) > _MOST_SHAPES:
            self._kept.popitem(last=False)

    @staticmethod
    def _convert(operands: Operands, wanted: ScalarType | None, text: str, kind: ScalarType) -> Convert:
        """What turns other texts of this kind of literal into stored values."""
        whole = _Whole(operands, wanted, kind)
        if isinstance(kind, EnumType):
            known = {f"'{member.name}'": member.value for member in kind.members if not whole.is_several(member.value)}

            def member(text: str) -> Any:
                number = known.get(text)
                return whole(text) if number is None else number

            return member
        if kind is Primitive.STRING and text[0] == "'":
            return _string
        if kind is Primitive.DATE_TIME_OFFSET:
            return _ticks
        return whole


class _Whole:
    """Reads any literal as the parser does."""

    def __init__(self, operands: Operands, wanted: ScalarType | None, kind: ScalarType) -> None:
        self._operands = operands.blank()
        self._wanted = wanted
        self._kind = kind

    def is_several(self, number: int) -> bool:
        """Whether the member stands for others too."""
        return isinstance(self._kind, EnumType) and bool(self._operands.hidden_numbers(self._kind, number))

    def __call__(self, text: str) -> Any:
        grammar = OptionGrammar(text, "")
        try:
            literal: Literal = grammar.primitive_literal()
            grammar.end()
            if literal.kind == "null":
                raise Miss
            stored, kind = self._operands.stored(literal, self._wanted)
        except (SyntaxFault, ClauseFault, NotBuilt) as error:
            raise Miss from error
        if kind is not self._kind or (isinstance(stored, int) and self.is_several(stored)):
            raise Miss
        return stored


def _string(text: str) -> str:
    if text[0] != "'" or "\0" in text:
        raise Miss
    text = text[1:-1]
    return text.replace("''", "'") if "'" in text else text


def _ticks(text: str) -> int:
    if text[-1] not in "Zz" and text[-6:-5] not in _SIGNS:
        raise Miss
    try:
        return Instant.parse(text).ticks
    except ValueError as error:
        raise Miss from error
