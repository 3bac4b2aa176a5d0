"""`$apply`: transformations to steps, and what the results show."""

from typing import Any

import pytest

from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.json.result_writer import ResultWriter
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel, OmitValues, Preferences
from tests.odata.bound import bind_list, order_of, shape, steps_of
from tests.odata.observatory import OLD

SUM = "sum mirrors:Int64"
TELESCOPES = "chief/gear/sky.telescope"


@pytest.mark.parametrize(
    ("apply", "steps", "order"),
    [
        pytest.param("identity", [], "code", id="identity"),
        pytest.param("filter(label eq 'a')", ["keep (eq label 'a':String)"], "code", id="filter"),
        pytest.param("filter(label eq 'a')/filter(label ne 'b')",
                     ["keep (eq label 'a':String)", "keep (ne label 'b':String)"], "code", id="filters"),
        pytest.param("compute(length(label) as n)/filter(n gt 1)",
                     ["keep (gt (length label) 1:Int32)"], "code", id="compute"),
        pytest.param("orderby(label desc)", [], "-label -code", id="orderby"),
        pytest.param("orderby(label desc)/top(2)", ["top 2:Int64 of -label -code"], "-label -code", id="top"),
        pytest.param("skip(1)/top(2)", ["skip 1:Int64 of code", "top 2:Int64 of code"], "code", id="skip-and-top"),
        pytest.param("topcount(3,mirrors)", ["top 3:Int32 of -mirrors -code"], "-mirrors -code", id="topcount"),
        pytest.param("bottomcount(3,label)", ["top 3:Int32 of label code"], "label code", id="bottomcount"),
        pytest.param("topsum(30,mirrors)", ["until sum 30:Int32 of -mirrors -code"], "-mirrors -code", id="topsum"),
        pytest.param("bottompercent(12.5,mirrors)", ["until percent '12.5':Decimal of mirrors code"], "mirrors code",
                     id="bottompercent"),
        pytest.param("groupby((label))", ["group label | "], "field0", id="groupby"),
        pytest.param("groupby((label,sky.telescope/mirrors),aggregate($count as n))",
                     ["group label mirrors | $count:Int64"], "field0 field1", id="groupby-two"),
        pytest.param("groupby((label,LABEL))", ["group label | "], "field0", id="groupby-twice-the-same"),
        pytest.param("groupby((mount/driveMotor/serial))", ["group mount/driveMotor/serial | "], "field0", id="inside"),
        pytest.param("aggregate(mirrors with sum as s,mirrors with average as a,label with max as m,"
                     "label with countdistinct as d)",
                     [f"group  | {SUM}, average mirrors:Double, max label:String, countdistinct label:Int64"],
                     "", id="aggregate"),
        pytest.param("aggregate(length(label) with min as m)", ["group  | min (length label):Int32"], "",
                     id="aggregate-an-expression"),
        pytest.param("groupby((label),aggregate($count as n))/filter(n gt 1)/groupby((n))",
                     ["group label | $count:Int64", "keep (gt field1 1:Int32)", "group field1 | "], "field0",
                     id="groups-of-groups"),
        pytest.param("groupby((label),aggregate($count as n))/topcount(1,n)",
                     ["group label | $count:Int64", "top 1:Int32 of -field1 -field0"], "-field1 -field0",
                     id="topcount-of-groups"),
        pytest.param("compute(length(label) as n)/groupby((n))", ["group (length label) | "], "field0",
                     id="groupby-computed"),
        pytest.param("aggregate(mirrors with sum from label with average as a)",
                     ["group label | sum mirrors:Int64", "group  | average field1:Double"], "", id="from"),
        pytest.param("groupby((observer),aggregate($count from label with max from code with average as a))",
                     ["group observer label code | $count:Int64", "group field0 field2 | max field3:Int64",
                      "group field0 | average field2:Double"], "field0", id="from-twice"),
    ],
)  # fmt: skip
def test_transformations(apply: str, steps: list[str], order: str) -> None:
    """Each does its part; what is left has an order that tells the rows apart."""
    plan = bind_list(f"$apply={apply}", TELESCOPES)
    assert steps_of(plan) == ["keep (is telescope)", *steps]
    assert order_of(plan.query.order) == order


def test_options_go_on_with_the_result() -> None:
    """Filter, order, computed properties and selection speak of what `$apply` left."""
    plan = bind_list(
        "$apply=groupby((label,mount/maker),aggregate($count as n))&$compute=n mul 2 as twice"
        "&$filter=mount/maker eq 'a' and twice gt 3&$orderby=n desc,mount/maker&$select=n,mount/maker"
    )
    values = plan.paging.parameters
    assert plan.query.where is not None
    assert shape(plan.query.where, values) == ("(and (eq field1 'a':String) (gt (mul:Int64 field2 2:Int32) 3:Int32))")
    assert order_of(plan.query.order) == "-field2 field1 field0"
    assert plan.results is not None
    assert [(item.path, item.place) for item in plan.results] == [(("n",), 2), (("mount", "maker"), 1)]
    assert plan.projection.written == "n,mount/maker"


@pytest.mark.parametrize(
    ("query", "shown"),
    [
        pytest.param("$apply=groupby((label))", "label", id="keys"),
        pytest.param("$apply=aggregate($count as n)", "n", id="aggregates"),
        pytest.param("$apply=groupby((mount/maker,label),aggregate($count as n))", "mount/maker,label,n", id="all"),
        pytest.param("$apply=groupby((label))&$compute=length(label) as l", "label,l", id="computed"),
        pytest.param("$apply=groupby((label),aggregate($count as n))&$select=*", "label,n", id="star"),
        pytest.param(
            "$apply=groupby((mount/maker,mount/remarks))&$select=mount", "mount/maker,mount/remarks", id="branch"
        ),
    ],
)
def test_the_context_lists_what_results_show(query: str, shown: str) -> None:
    """In the order of the result, or of the select list."""
    assert bind_list(query).projection.written == shown


def test_hidden_members_are_one_group() -> None:
    """What a client sees as one member is counted as one, unless it asks for the names behind it."""
    query = "$apply=groupby((band),aggregate(band with countdistinct as n))"
    folded = "(case (in band 9:band 3:band 4:band) 9:band band)"
    assert steps_of(bind_list(query, model=OLD)) == [f"group {folded} | countdistinct {folded}:Int64"]
    everything = bind_list(query, model=OLD, preferences=Preferences(include_unknown=True))
    assert steps_of(everything) == ["group band | countdistinct band:Int64"]


@pytest.mark.parametrize(
    ("apply", "message"),
    [
        pytest.param("groupby((lable))", "Did you mean 'label'?", id="unknown-property"),
        pytest.param("groupby((stringList))", "Groups are made by properties of one value", id="collection"),
        pytest.param("groupby((label),aggregate($count as label))", "The name 'label' is taken", id="alias-of-a-key"),
        pytest.param("aggregate($count as n,$count as N)", "The name 'N' is taken", id="alias-twice"),
        pytest.param(
            "groupby((mount/maker),aggregate($count as mount))", "The name 'mount' is taken", id="alias-of-a-branch"
        ),
        pytest.param("aggregate(label with sum as s)", "'sum' does not work on 'Edm.String'", id="sum-of-text"),
        pytest.param(
            "aggregate(booleanValue with max as m)", "'max' does not work on 'Edm.Boolean'", id="max-of-truth"
        ),
        pytest.param("aggregate(label as s)", "say 'with' and a method", id="custom-aggregate"),
        pytest.param("aggregate(label with median as s)", "one of average, countdistinct", id="unknown-method"),
        pytest.param("groupby((label))/filter(code eq 'a')", "named 'code' on the result of $apply", id="gone"),
        pytest.param("groupby((label))/filter(isof(sky.dish))", "Nothing of type 'sky.dish' is left", id="type-gone"),
        pytest.param("topcount(mirrors,mirrors)", "'topcount' takes an integer", id="amount-of-a-property"),
        pytest.param("topcount(1.5,mirrors)", "'topcount' takes an integer", id="amount-with-a-fraction"),
        pytest.param("topcount(-1,mirrors)", "'topcount' takes no negative number", id="negative-amount"),
        pytest.param("topsum(3,label)", "'topsum' adds numbers up", id="sum-of-text-ranked"),
        pytest.param("compute(label as code)", "The name 'code' is taken", id="compute"),
        pytest.param("frobnicate(1)", "is no transformation", id="unknown-transformation"),
    ],
)
def test_faults(apply: str, message: str) -> None:
    """The answer says which name or type is wrong."""
    with pytest.raises(BadRequest) as refused:
        bind_list(f"$apply={apply}")
    assert message in refused.value.message
    assert (refused.value.target, refused.value.message[:22]) == ("$apply", "Invalid apply clause: ")


@pytest.mark.parametrize(
    "apply",
    [
        pytest.param("concat(identity,identity)", id="concat"),
        pytest.param("groupby((rollup(label,code)))", id="rollup"),
        pytest.param("groupby((label),topcount(1,mirrors))", id="topcount-in-groups"),
        pytest.param("aggregate(label with sky.median as m)", id="custom-method"),
        pytest.param("aggregate(mount/motors/$count as n)", id="count-of-what-is-inside"),
        pytest.param("aggregate(mirrors with sum from label with max as a,$count as n)", id="from-with-others"),
        pytest.param("groupby((mount))", id="complex-key"),
        pytest.param("join(mount as m)", id="join"),
        pytest.param("sky.magic()", id="custom"),
    ],
)
def test_what_is_not_offered(apply: str) -> None:
    """Valid, and 501."""
    with pytest.raises(NotBuilt) as refused:
        bind_list(f"$apply={apply}")
    assert refused.value.target == "$apply"


def test_a_selection_of_what_is_not_there() -> None:
    """Results have only what they show."""
    with pytest.raises(BadRequest, match="named 'code' on the result of"):
        bind_list("$apply=groupby((label))&$select=code")


@pytest.mark.parametrize(
    ("level", "omit", "rows", "written"),
    [
        pytest.param(MetadataLevel.MINIMAL, None, [("a", 1, None)], [{"mount": {"maker": "a"}, "n": 1, "at": None}],
                     id="minimal"),
        pytest.param(MetadataLevel.FULL, None, [("a", 1, 0)],
                     [{"mount": {"maker": "a"}, "n@odata.type": "#Int64", "n": 1, "at@odata.type": "#DateTimeOffset",
                       "at": "0001-01-01T00:00:00Z"}], id="full"),
        pytest.param(MetadataLevel.MINIMAL, OmitValues.NULLS, [(None, 1, None)], [{"n": 1}], id="without-nulls"),
    ],
)  # fmt: skip
def test_results_are_written(
    level: MetadataLevel, omit: OmitValues | None, rows: list[tuple[Any, ...]], written: list[dict[str, Any]]
) -> None:
    """Properties of complex ones stand inside of these; there is no identity."""
    plan = bind_list("$apply=groupby((mount/maker),aggregate($count as n,built with max as at))")
    assert plan.results is not None
    writer = ResultWriter(plan.results, JsonFormat(level), omit=omit)
    assert [writer.write(row) for row in rows] == written
