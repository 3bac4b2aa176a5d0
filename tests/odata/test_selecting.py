"""`$select` and `$compute`: what of each row is shown."""

from typing import Any

import pytest

from enrollscope.odata.bound import Column
from enrollscope.odata.edm import Primitive
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.layout import Record
from enrollscope.odata.plan import Positions, Projection, Selected, Shown
from enrollscope.odata.writer import EntityWriter
from tests.odata.binding import bind_list, shape
from tests.odata.observatory import CURRENT, LAYOUT


def projection(query: str) -> Projection:
    """What a query shows."""
    return bind_list(query).projection


@pytest.mark.parametrize(
    ("select", "properties", "parts", "written"),
    [
        pytest.param("label,code", ("label", "code"), (), "label,code", id="in-the-order-of-the-list"),
        pytest.param("LABEL,label", ("label",), (), "label", id="once"),
        pytest.param("*", None, (), "*", id="everything"),
        pytest.param("*,mount/maker", None, (), "*,mount/maker", id="everything-and-a-part"),
        pytest.param("mount", ("mount",), (), "mount", id="complex"),
        pytest.param("mount/maker", ("mount",), (Selected("mount", (Selected("maker"),)),), "mount/maker", id="part"),
        pytest.param("mount/maker,mount/band", ("mount",), (Selected("mount", (Selected("maker"), Selected("band"))),),
                     "mount/maker,mount/band", id="two-parts"),
        pytest.param("mount/maker,mount", ("mount",), (), "mount/maker,mount", id="part-then-whole"),
        pytest.param("mount,mount/maker", ("mount",), (), "mount,mount/maker", id="whole-then-part"),
        pytest.param("mount($select=maker,driveMotor/serial)", ("mount",),
                     (Selected("mount", (Selected("maker"), Selected("driveMotor", (Selected("serial"),)))),),
                     "mount/maker,mount/driveMotor/serial", id="nested"),
        pytest.param("mount($select=motors($select=serial))", ("mount",),
                     (Selected("mount", (Selected("motors", (Selected("serial"),)),)),), "mount/motors/serial",
                     id="nested-twice"),
        pytest.param("mount($select=driveMotor,driveMotor/serial)", ("mount",),
                     (Selected("mount", (Selected("driveMotor"),)),),
                     "mount/driveMotor,mount/driveMotor/serial", id="nested-whole-then-part"),
        pytest.param("sky.dish/mount/maker", ("mount",), (Selected("mount", (Selected("maker"),)),),
                     "example.sky.dish/mount/maker", id="behind-a-cast"),
    ],
)  # fmt: skip
def test_parts_of_complex_values(
    select: str, properties: tuple[str, ...] | None, parts: tuple[Selected, ...], written: str
) -> None:
    """A path or a nested list selects a part; the context names the paths."""
    assert projection(f"$select={select}") == Projection(properties, written, parts)


@pytest.mark.parametrize(
    ("query", "shown", "written"),
    [
        pytest.param("$compute=length(label) as n", ["n"], "", id="without-a-list"),
        pytest.param("$compute=length(label) as n&$select=label", [], "label", id="not-selected"),
        pytest.param("$compute=length(label) as n&$select=N,label", ["n"], "n,label", id="selected-in-any-case"),
        pytest.param("$compute=length(label) as n,label as m&$select=*", ["n", "m"], "*", id="star"),
        pytest.param("$apply=compute(length(label) as n)&$select=n", ["n"], "n", id="by-a-transformation"),
    ],
)
def test_computed_properties(query: str, shown: list[str], written: str) -> None:
    """They are shown unless a list leaves them out."""
    found = projection(query)
    assert ([item.path[0] for item in found.computed], found.written) == (shown, written)


def test_what_is_computed_can_be_used() -> None:
    """In the filter, in the order, and in what is computed next."""
    plan = bind_list("$compute=length(label) as n,n mul 2 as m&$filter=n gt 3&$orderby=m desc")
    values = plan.paging.parameters
    assert [shape(item, values) for item in plan.query.computed if not isinstance(item, Positions)] == [
        "(length label)",
        "(mul:Int32 (length label) 2:Int32)",
    ]
    assert plan.query.where is not None
    assert shape(plan.query.where, values) == "(gt (length label) 3:Int32)"
    assert shape(plan.query.order[0].expression, values) == "(mul:Int32 (length label) 2:Int32)"
    assert plan.projection.computed == (Shown(("n",), Primitive.INT32, 0), Shown(("m",), Primitive.INT32, 1))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param("$compute=length(label) as label", "The name 'label' is taken", id="name-of-a-property"),
        pytest.param("$compute=length(label) as diameter", "The name 'diameter' is taken", id="name-of-a-derived-one"),
        pytest.param("$compute=length(label) as n,length(code) as N", "The name 'N' is taken", id="twice"),
        pytest.param("$compute=length(lable) as n", "Did you mean 'label'?", id="unknown-name"),
        pytest.param("$compute=mount as n", "as a whole is compared with others alone", id="complex"),
        pytest.param("$compute=stringList as n", "'stringList' is a collection", id="collection"),
        pytest.param("$compute=length(label)", "expected 'as'", id="no-name"),
    ],
)
def test_faults_of_compute(query: str, message: str) -> None:
    """Names must be new, and values single."""
    with pytest.raises((BadRequest, NotBuilt)) as refused:
        bind_list(query)
    assert message in refused.value.message
    assert refused.value.target == "$compute"


def test_names_cannot_multiply_without_end() -> None:
    """Each name stands for two of the one before: forty of them would be a thousand thousand million."""
    items = ["length(label) as a0", *(f"a{number} add a{number} as a{number + 1}" for number in range(40))]
    with pytest.raises(BadRequest, match="too large"):
        bind_list(f"$compute={','.join(items)}")


def test_a_projection_is_written() -> None:
    """Only the parts selected, and what was computed behind them."""
    shown = Projection(
        ("label", "mount"),
        "",
        (Selected("mount", (Selected("maker"), Selected("motors", (Selected("serial"),)))),),
        (Shown(("long",), Primitive.BOOLEAN, 0), Shown(("later",), Primitive.DATE_TIME_OFFSET, 1)),
    )
    record = list(LAYOUT.blank("k", "telescope"))
    LAYOUT.put(record, "label", "L")
    mount = {"maker": "M", "band": None, "motors": [{"serial": "1", "quality": "fair"}], "remarks": "R"}
    LAYOUT.put(record, "mount", mount)
    appended: tuple[Any, ...] = (1, 600_000_000)
    written = EntityWriter(CURRENT, LAYOUT, projection=shown).write(Record((*record, *appended)))
    assert {name: value for name, value in written.items() if "@" not in name} == {
        "label": "L",
        "mount": {"maker": "M", "motors": [{"serial": "1"}]},
        "long": True,
        "later": "0001-01-01T00:01:00Z",
    }


def test_a_computed_column_is_no_property() -> None:
    """What is computed does not change what the property of the same value shows."""
    plan = bind_list("$compute=label as other&$select=label")
    assert plan.query.computed == (Column("label", Primitive.STRING),)
    assert plan.projection.computed == ()
