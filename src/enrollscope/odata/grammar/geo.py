"""The grammar of geographic and geometric literals (ABNF section 7), a form of well-known text."""

import re
from collections.abc import Callable
from typing import Literal as OneOf
from typing import TypeVar

from enrollscope.odata.grammar.expr import Geo, Shape
from enrollscope.odata.grammar.search import SearchGrammar

_Part = TypeVar("_Part")

_COORDINATE = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|-?INF|NaN", re.ASCII)
_SHAPES = ("Collection", "LineString", "MultiLineString", "MultiPoint", "MultiPolygon", "Point", "Polygon")


class GeoGrammar(SearchGrammar):
    """Reads shapes; their names are matched in any case."""

    __slots__ = ()

    def geo(self, family: str, shape: str | None = None) -> Geo:
        """What stands between and with the quotes: `'SRID=0;Point(142.1 64.1)'`.

        Args:
            family: `geography` or `geometry`.
            shape: the one shape that is allowed here, if not all are.
        """
        self.need("'")
        value = self.full_shape(family, shape)
        self.need("'")
        return value

    def full_shape(self, family: str, shape: str | None = None) -> Geo:
        """full…Literal: the reference system, then the shape."""
        if not self.word("SRID="):
            raise self.expected("'SRID='")
        srid = self.digits("the number of a spatial reference system")
        self.need(";")
        known: OneOf["geography", "geometry"] = "geometry" if family == "geometry" else "geography"
        return Geo(known, srid, self._shape(shape))

    def _shape(self, wanted: str | None = None) -> Shape:
        for shape in (wanted,) if wanted is not None else _SHAPES:
            word = "GeometryCollection" if shape == "Collection" else shape
            if self.word(word + "("):
                self.position -= 1
                return self._shape_data(shape)
        raise self.expected(f"'{wanted}('" if wanted is not None else "a shape such as Point(142.1 64.1)")

    def _shape_data(self, shape: str) -> Shape:
        match shape:
            case "Point":
                return Shape(shape, self._several(self._point, 1, 1))
            case "LineString":
                return Shape(shape, self._several(self._point, 2))
            case "Polygon":
                return Shape(shape, self._several(self._ring, 1))
            case "MultiPoint":
                return Shape(shape, self._several(lambda: self._shape_data("Point"), 0))
            case "MultiLineString":
                return Shape(shape, self._several(lambda: self._shape_data("LineString"), 0))
            case "MultiPolygon":
                return Shape(shape, self._several(lambda: self._shape_data("Polygon"), 0))
            case _:
                return Shape(shape, self._several(self._shape, 1))

    def _ring(self) -> Shape:
        start = self.position
        ring = Shape("Ring", self._several(self._point, 1))
        if ring.parts[0] != ring.parts[-1]:
            raise self.refused("the ring of a polygon must end where it begins", start)
        return ring

    def _several(self, read: Callable[[], _Part], least: int, most: int | None = None) -> tuple[_Part, ...]:
        """Parts in parentheses, separated by commas."""
        self.enter()
        self.need("(")
        parts: list[_Part] = []
        if least or self.peek() != ")":
            parts.append(read())
            while (most is None or len(parts) < most) and (len(parts) < least or self.peek() == ","):
                self.need(",")
                parts.append(read())
        self.need(")")
        self.depth -= 1
        return tuple(parts)

    def _point(self) -> tuple[float, ...]:
        numbers = [self._coordinate()]
        self.need(" ")
        numbers.append(self._coordinate())
        while len(numbers) < 4 and self.skip(" "):
            numbers.append(self._coordinate())
        return tuple(numbers)

    def _coordinate(self) -> float:
        match = _COORDINATE.match(self.text, self.position)
        if match is None:
            raise self.expected("a coordinate")
        self.position = match.end()
        return float(match[0])
