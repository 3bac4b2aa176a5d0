from typing import Any

import pytest

from enrollscope.odata.edm.model import Model
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.errors import ModelValidationFailure, NotBuilt
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.plan.commands import LinkedTo
from tests.odata.observatory import CURRENT, OBSERVATORY, OLD, scope_of

NOW = Instant.parse("2024-05-15T14:13:19Z")
READERS = {model.version: BodyReader(model, OBSERVATORY.whole) for model in (OLD, CURRENT)}
MODELS: dict[str, Model] = {model.version: model for model in (OLD, CURRENT)}

DISH = {"@odata.type": "#example.sky.dish", "label": "A"}
MOTOR = {"serial": "s1"}


def created(body: Any, version: str = "2", declared: str = "instrument", **options: Any) -> tuple[str, dict[str, Any]]:
    """What a POST would store."""
    return READERS[version].create(body, scope_of(MODELS[version], declared), now=NOW, **options)


def changed(body: Any, version: str = "2", declared: str = "instrument", **options: Any) -> dict[str, Any]:
    """What a PATCH would change."""
    return dict(READERS[version].update(body, scope_of(MODELS[version], declared), **options).values)


@pytest.mark.parametrize(
    ("declared", "body", "type_name"),
    [
        pytest.param("instrument", {"label": "A", "mirrors": 2}, "telescope", id="own-property"),
        pytest.param("instrument", {"label": "A", "gainFactor": 2}, "antenna", id="property-of-a-base"),
        pytest.param("instrument", {"label": "A", "diameter": 2}, "dish", id="property-of-the-most-derived"),
        pytest.param("antenna", {"label": "A"}, "antenna", id="declared-type-comes-first"),
        pytest.param("dish", {"label": "A"}, "dish", id="only-type-there"),
        pytest.param("antenna", {"@odata.type": "sky.dish", "label": "A"}, "dish", id="named-type-may-be-derived"),
    ],
)
def test_the_least_derived_type_that_fits_is_created(declared: str, body: dict[str, Any], type_name: str) -> None:
    """Without a type in the body, properties tell which one is meant, the base before those derived from it."""
    assert created(body, declared=declared)[0] == type_name


@pytest.mark.parametrize(
    ("declared", "body", "message", "target"),
    [
        pytest.param(
            "instrument", {"label": "A"}, "The properties fit more than one type.", "@odata.type", id="ambiguous"
        ),
        pytest.param(
            "instrument",
            {"mirrors": 1, "gainFactor": 1},
            "No type has all of the properties 'mirrors', 'gainFactor'.",
            "mirrors",
            id="none-has-all",
        ),
        pytest.param(
            "antenna",
            {"@odata.type": "sky.telescope"},
            "An entry with type 'example.sky.telescope'",
            "@odata.type",
            id="sibling",
        ),
        pytest.param(
            "antenna",
            {"mirrors": 1},
            "The property 'mirrors' does not exist on type 'example.sky.antenna'.",
            "mirrors",
            id="property-of-a-sibling",
        ),
        pytest.param(
            "instrument",
            {"@odata.type": "sky.instrument"},
            "Cannot create an abstract class.",
            "@odata.type",
            id="abstract",
        ),
        pytest.param("dish", {}, "The property 'label' of type 'Edm.String' is missing", "label", id="missing"),
        pytest.param(
            "dish",
            {"label": "A", "mount": {"driveMotor": {}}},
            "The property 'serial' of type 'Edm.String' is missing: a new 'example.sky.motor' needs a value for it.",
            "mount/driveMotor/serial",
            id="missing-inside",
        ),
        pytest.param(
            "dish",
            {"label": "A", "mount": {"motors": [MOTOR, None]}},
            "A null value was found for the property named 'motors', which has the expected type "
            "'example.sky.motor[Nullable=False]'.",
            "mount/motors/1",
            id="null-item",
        ),
        pytest.param(
            "dish",
            {"label": "A", "code": None},
            "A null value was found for the property named 'code'",
            "code",
            id="null-key",
        ),
    ],
)
def test_what_cannot_be_created(declared: str, body: dict[str, Any], message: str, target: str) -> None:
    """A new entity has one type, and a value for everything that must have one."""
    with pytest.raises(ModelValidationFailure) as caught:
        created(body, declared=declared)
    assert caught.value.message.startswith(message)
    assert caught.value.target == target


def test_defaults_of_a_new_entity() -> None:
    """Declared defaults are filled in, also those of properties that the version hides; the key is the service's."""
    assert created({"label": "A", "mirrors": 2}, "1") == (
        "telescope",
        {
            "label": "A",
            "observer": None,
            "band": None,
            "built": None,
            "owner": "the state",
            "mount": None,
            "mirrors": 2,
        },
    )
    assert created({"@odata.type": "sky.telescope", "label": "A"}, "1")[1]["mirrors"] == 1


def test_a_key_that_clients_may_choose() -> None:
    """A key that is not computed comes from the body of a POST; a PATCH does not change it."""
    assert created(DISH | {"code": "HD 1"})[1]["code"] == "HD 1"
    assert "code" not in created(DISH)[1]
    assert changed({"code": "HD 2"}) == {}
    assert changed({"code": 5}) == {}


def test_computed_properties_are_not_heard() -> None:
    """What only the service sets is ignored in a body, whatever it holds."""
    assert created(DISH | {"built": 7})[1]["built"] is None
    assert changed({"built": "2024-01-01T00:00:00Z", "label": "B"}) == {"label": "B"}


def test_a_new_structured_value_is_whole() -> None:
    """Left-out properties are there as null, default or empty list, in declared order, hidden ones too; in JSON."""
    body = DISH | {
        "mount": {"band": "INFRARED", "motors": [{"ratio": "1.50", "serial": "s", "greased": "2024-01-02t03:04z"}]}
    }
    mount = created(body, "1")[1]["mount"]
    assert mount == {
        "maker": None,
        "band": "infrared",
        "driveMotor": None,
        "motors": [
            {"serial": "s", "ratio": "1.50", "greased": "2024-01-02T03:04:00Z", "quality": "fair"},
        ],
        "remarks": None,
    }
    assert list(mount) == ["maker", "band", "driveMotor", "motors", "remarks"]
    assert list(mount["motors"][0]) == ["serial", "ratio", "greased", "quality"]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"mount": {}}, {"mount": {}}, id="nothing-inside"),
        pytest.param({"mount": {"driveMotor": {"ratio": 2}}}, {"mount": {"driveMotor": {"ratio": "2"}}}, id="partial"),
        pytest.param({"mount": {"driveMotor": None}}, {"mount": {"driveMotor": None}}, id="null-inside"),
        pytest.param({"mount": {"drive_motor": None}}, {"mount": {"driveMotor": None}}, id="alias-inside"),
        pytest.param(
            {"mount": {"driveMotor": {"ratio": 2}, "drive_motor": None}},
            {"mount": {"driveMotor": {"ratio": "2"}}},
            id="name-before-alias-inside",
        ),
        pytest.param({"mount": {"band": "later", "maker": "m"}}, {"mount": {"maker": "m"}}, id="sentinel-inside"),
        pytest.param(
            {"mount": {"driveMotor": {"@odata.type": "#example.sky.motor", "serial@x": 1}}},
            {"mount": {"driveMotor": {}}},
            id="control-information-inside",
        ),
        pytest.param(
            {"mount": {"motors": [MOTOR]}},
            {
                "mount": {
                    "motors": [{"serial": "s1", "ratio": None, "greased": None, "quality": "fair"}],
                }
            },
            id="collection-inside-is-whole",
        ),
    ],
)
def test_a_structured_value_changes_in_part(body: dict[str, Any], expected: dict[str, Any]) -> None:
    """In a PATCH a complex value holds what changes; a collection is replaced, so its items are new."""
    assert changed(body) == expected


@pytest.mark.parametrize(
    ("body", "target"),
    [
        pytest.param({"mount": {"driveMotor": {"serial": None}}}, "mount/driveMotor/serial", id="null"),
        pytest.param({"mount": {"motors": None}}, "mount/motors", id="null-collection"),
        pytest.param({"mount": {"motors": [{}]}}, "mount/motors/0/serial", id="missing-in-new-item"),
        pytest.param({"mount": {"band": "gravity"}}, "mount/band", id="hidden-member"),
        pytest.param({"mount": {"remarks": "x"}}, "mount/remarks", id="hidden-property"),
        pytest.param({"mount": {"driveMotor": {"ratio": True}}}, "mount/driveMotor/ratio", id="wrong-value"),
        pytest.param({"mount": {"driveMotor": {"@odata.type": "sky.gear"}}}, "mount/driveMotor/@odata.type", id="type"),
    ],
)
def test_faults_inside_a_structured_value(body: dict[str, Any], target: str) -> None:
    """They are found where they are, and the target is the whole path."""
    with pytest.raises(ModelValidationFailure) as caught:
        changed(body, "1")
    assert caught.value.target == target


def test_a_sentinel_cannot_enter_a_collection() -> None:
    """An item has no earlier value to keep, so the sentinel in it would destroy one."""
    with pytest.raises(ModelValidationFailure) as caught:
        changed({"bands": ["visible", "later"]})
    assert caught.value.target == "bands/1"
    assert changed({"bands": ["gravity", "Visible"]}) == {"bands": ["gravity", "visible"]}
    assert changed({"bands": ["aether"]}, include_unknown=True) == {"bands": ["aether"]}


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"spareParts": []}, id="deep-insert"),
        pytest.param({"spareParts@odata.bind": ["instruments('x')"]}, id="bind"),
        pytest.param({"spareParts@bind": ["instruments('x')"]}, id="bind-4.01"),
    ],
)
def test_other_entities_in_a_body(body: dict[str, Any]) -> None:
    """Writing related entities is valid OData and not offered: 501, neither refused as unknown nor ignored."""
    with pytest.raises(NotBuilt):
        changed(body)
    with pytest.raises(NotBuilt):
        created(DISH | body)


def test_links_of_the_path_fill_in_and_decide() -> None:
    """What ties an entity to its path is set, and a body that says otherwise is refused."""
    scope = scope_of(CURRENT, "dish", LinkedTo("observer", "Ada"))
    read = READERS["2"]
    assert read.create({"label": "A"}, scope, now=NOW)[1]["observer"] == "Ada"
    assert read.create({"label": "A", "observer": "ADA"}, scope, now=NOW)[1]["observer"] == "ADA"
    with pytest.raises(ModelValidationFailure) as caught:
        read.create({"label": "A", "observer": "Bob"}, scope, now=NOW)
    assert caught.value.target == "observer"
