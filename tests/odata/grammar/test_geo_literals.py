import pytest

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import Geo, Literal, Shape
from enrollscope.odata.grammar.option_values import parse_filter

ONE, TWO = (1.0, 1.0), (2.0, 2.0)


@pytest.mark.parametrize(
    ("text", "geo"),
    [
        pytest.param(
            "geography'SRID=4326;Point(142.1 -64.1)'",
            Geo("geography", 4326, Shape("Point", ((142.1, -64.1),))),
            id="point",
        ),
        pytest.param(
            "GEOMETRY'srid=0;POINT(1 2 3 4)'",
            Geo("geometry", 0, Shape("Point", ((1.0, 2.0, 3.0, 4.0),))),
            id="any-case-and-four-numbers",
        ),
        pytest.param(
            "geometry'SRID=0;LineString(1 1,2 2)'", Geo("geometry", 0, Shape("LineString", (ONE, TWO))), id="line"
        ),
        pytest.param("geometry'SRID=0;MultiPoint()'", Geo("geometry", 0, Shape("MultiPoint", ())), id="no-points"),
        pytest.param(
            "geometry'SRID=0;MultiPoint((1 1),(2 2))'",
            Geo("geometry", 0, Shape("MultiPoint", (Shape("Point", (ONE,)), Shape("Point", (TWO,))))),
            id="points",
        ),
        pytest.param(
            "geometry'SRID=0;MultiLineString((1 1,2 2))'",
            Geo("geometry", 0, Shape("MultiLineString", (Shape("LineString", (ONE, TWO)),))),
            id="lines",
        ),
        pytest.param(
            "geometry'SRID=0;Polygon((1 1,2 2,1 1))'",
            Geo("geometry", 0, Shape("Polygon", (Shape("Ring", (ONE, TWO, ONE)),))),
            id="polygon",
        ),
        pytest.param(
            "geometry'SRID=0;MultiPolygon(((1 1,1 1)))'",
            Geo("geometry", 0, Shape("MultiPolygon", (Shape("Polygon", (Shape("Ring", (ONE, ONE)),)),))),
            id="polygons",
        ),
        pytest.param(
            "geometry'SRID=0;GeometryCollection(Point(1 1),GeometryCollection(Point(2 2)))'",
            Geo(
                "geometry",
                0,
                Shape("Collection", (Shape("Point", (ONE,)), Shape("Collection", (Shape("Point", (TWO,)),)))),
            ),
            id="nested-collections",
        ),
    ],
)
def test_shapes(text: str, geo: Geo) -> None:
    """Every shape of the ABNF is recognised, with its coordinates."""
    assert parse_filter(text) == Literal("geo", geo)


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("geometry'Point(1 1)'", 9, id="no-reference-system"),
        pytest.param("geometry'SRID=;Point(1 1)'", 14, id="no-number"),
        pytest.param("geometry'SRID=0;Circle(1 1)'", 16, id="unknown-shape"),
        pytest.param("geometry'SRID=0;Point(1)'", 23, id="one-coordinate"),
        pytest.param("geometry'SRID=0;Point(1 1 1 1 1)'", 29, id="five-coordinates"),
        pytest.param("geometry'SRID=0;Point(1 1,2 2)'", 25, id="two-positions"),
        pytest.param("geometry'SRID=0;LineString(1 1)'", 30, id="line-of-one-point"),
        pytest.param("geometry'SRID=0;Polygon((1 1,2 2))'", 24, id="open-ring"),
        pytest.param("geometry'SRID=0;Point(1 1)", 26, id="no-closing-quote"),
        pytest.param("geometry'SRID=0;" + "GeometryCollection(" * 100, 1231, id="too-deep"),
    ],
)
def test_no_shapes(text: str, position: int) -> None:
    """What is no shape is refused where it stops."""
    with pytest.raises(SyntaxFault) as caught:
        parse_filter(text)
    assert caught.value.position == position
