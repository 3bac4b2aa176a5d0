"""`$select` and `$compute`: what of each row is shown."""

from typing import Any

import pytest

from enrollscope.odata.edm.layout import Record
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.errors import BadRequest, NotBuilt, ODataError
from enrollscope.odata.json.writer import EntityWriter
from enrollscope.odata.plan.bound import Column
from enrollscope.odata.plan.queries import Positions
from enrollscope.odata.plan.requests import Picked, Projection, ReadEntity, Selected, Shown
from tests.odata.bound import PATH, bind, bind_list, shape, spelt_positions
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
    ("select", "computed", "picked"),
    [
        pytest.param("stringList($filter=$this ne 'x';$skip=1)",
                     ["#1 of stringList where (ne #1 'x':String) skip 1:Int64"], (Picked(("stringList",), 0),),
                     id="scalars"),
        pytest.param("bands($orderby=$this desc)", ["#1 of bands by -#1"], (Picked(("bands",), 0),), id="members"),
        pytest.param("mount($select=maker,motors($top=2;$count=true;$search=x))",
                     ["#1 of mount/motors where (mentions 'x':String #1/serial) top 2:Int64",
                      "(count #1 mount/motors (mentions 'x':String #1/serial))"],
                     (Picked(("mount", "motors"), 0, count=1),), id="inside"),
        pytest.param("mount/motors($compute=length(serial) as n,serial as m;$filter=m gt 'x';$select=m)",
                     ["#1 of mount/motors where (gt #1/serial 'x':String) with (length #1/serial) with #1/serial"],
                     (Picked(("mount", "motors"), 0, computed=(Shown(("m",), Primitive.STRING, 1),)),), id="computed"),
        pytest.param("stringList($top=1),bands($top=2)",
                     ["#1 of stringList top 1:Int64", "#2 of bands top 2:Int64"],
                     (Picked(("stringList",), 0), Picked(("bands",), 1)), id="two"),
        pytest.param("bands(@a=1;$count=false)", ["#1 of bands"], (Picked(("bands",), 0),), id="nothing-said"),
    ],
)  # fmt: skip
def test_items_of_collections(select: str, computed: list[str], picked: tuple[Picked, ...]) -> None:
    """Options behind a collection are values computed of each row, for lists and for one entity alike."""
    plan = bind_list(f"$select={select}")
    one = bind(f"{PATH}/x", f"$select={select}")
    assert isinstance(one, ReadEntity)
    assert one.question is not None
    assert plan.projection == one.projection
    assert plan.projection.picked == picked
    for query, paging in ((plan.query, plan.paging), one.question):
        found = [
            spelt_positions(item, paging.parameters) if isinstance(item, Positions) else shape(item, paging.parameters)
            for item in query.computed
        ]
        assert found == computed


@pytest.mark.parametrize(
    ("select", "error", "message"),
    [
        pytest.param("dateTimeOffsetList($orderby=$this)", NotBuilt, "inside of other values", id="times"),
        pytest.param("mount/driveMotor($top=1)", BadRequest, "'driveMotor' is no collection", id="one"),
        pytest.param("stringList($select=a)", BadRequest, "'stringList' has no properties", id="parts-of-scalars"),
        pytest.param("stringList($filter=serial eq 'x')", BadRequest, "named 'serial' on type 'Edm.String'", id="part"),
        pytest.param("mount/motors($filter=ratio gt 1),mount/motors", BadRequest, "selected twice", id="twice"),
    ],
)  # fmt: skip
def test_faults_inside_of_select(select: str, error: type[ODataError], message: str) -> None:
    """What cannot be asked of the items."""
    for path in (PATH, f"{PATH}/x"):
        with pytest.raises(error) as refused:
            bind(path, f"$select={select}")
        assert message in refused.value.message
        assert refused.value.target == "$select"


def test_what_is_picked_by_time_goes_on_with_its_time() -> None:
    """Pages that follow ask by the time of the first one."""
    assert bind_list("$select=stringList($filter=now() gt 2020-01-01T00:00:00Z)").timed
    assert not bind_list("$select=stringList($top=1)").timed


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
        pytest.param("$compute=stringList as n", "not offered as computed", id="collection"),
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
