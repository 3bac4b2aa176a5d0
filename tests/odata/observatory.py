"""A model with what others lack.

Every primitive type, siblings below an abstract type, versions that hide things, keys that clients choose, values that
must be given.
"""

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    EnumMember,
    EnumType,
    Link,
    Model,
    NavigationProperty,
    Primitive,
    Property,
    Singleton,
    StoredSet,
)
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.plan.commands import LinkedTo
from enrollscope.odata.plan.requests import Scope

NEW = frozenset({"2"})


def value_name(kind: Primitive) -> str:
    """The property of a probe that holds one value of a type: `int16Value`."""
    name = kind.value.removeprefix("Edm.")
    return f"{name[0].lower()}{name[1:]}Value"


def list_name(kind: Primitive) -> str:
    """The property of a probe that holds a list of a type: `int16List`."""
    return f"{value_name(kind).removesuffix('Value')}List"


BAND = EnumType(
    "band",
    (
        EnumMember("visible", 1),
        EnumMember("infrared", 2),
        EnumMember("gravity", 3, NEW),
        EnumMember("aether", 4, frozenset()),
        EnumMember("later", 9),
    ),
    sentinel="later",
)
QUALITY = EnumType("quality", (EnumMember("poor", 0), EnumMember("fair", 1)))

MOTOR = ComplexType(
    "motor",
    (
        Property("serial", Primitive.STRING, nullable=False),
        Property("ratio", Primitive.DECIMAL),
        Property("greased", Primitive.DATE_TIME_OFFSET),
        Property("quality", QUALITY, nullable=False, default="fair"),
    ),
)
MOUNT = ComplexType(
    "mount",
    (
        Property("maker", Primitive.STRING),
        Property("band", BAND),
        Property("driveMotor", MOTOR),
        Property("motors", MOTOR, collection=True, nullable=False),
        Property("remarks", Primitive.STRING, views=NEW),
    ),
)

BODY = EntityType("body", abstract=True, key="code", properties=(Property("code", Primitive.STRING, nullable=False),))
INSTRUMENT = EntityType(
    "instrument",
    base=BODY,
    abstract=True,
    properties=(
        Property("label", Primitive.STRING, nullable=False),
        Property("observer", Primitive.STRING),
        Property("band", BAND),
        Property("built", Primitive.DATE_TIME_OFFSET, computed=True),
        Property("owner", Primitive.STRING, nullable=False, default="the state", views=NEW),
        Property("mount", MOUNT),
    ),
    navigation=(NavigationProperty("spareParts", target="instrument", stored_in="instruments"),),
)
TELESCOPE = EntityType(
    "telescope", base=INSTRUMENT, properties=(Property("mirrors", Primitive.INT16, nullable=False, default="1"),)
)
ANTENNA = EntityType("antenna", base=INSTRUMENT, properties=(Property("gainFactor", Primitive.DOUBLE),))
DISH = EntityType("dish", base=ANTENNA, properties=(Property("diameter", Primitive.DECIMAL),))
# One property of each primitive type, alone and as a collection.
PROBE = EntityType(
    "probe",
    base=INSTRUMENT,
    properties=(
        *(Property(value_name(kind), kind) for kind in Primitive),
        *(Property(list_name(kind), kind, collection=True) for kind in Primitive),
        Property("bands", BAND, collection=True, nullable=False),
    ),
    views=NEW,
)
OBSERVER = EntityType(
    "observer",
    base=BODY,
    navigation=(NavigationProperty("gear", target="instrument", stored_in="instruments", link=Link("observer")),),
)

INSTRUMENTS = StoredSet("instruments", "instrument")

OBSERVATORY = Schema(
    namespace="example.sky",
    alias="sky",
    container="Sky",
    versions=("1", "2"),
    enums=(BAND, QUALITY),
    complexes=(MOTOR, MOUNT),
    entities=(BODY, INSTRUMENT, TELESCOPE, ANTENNA, DISH, PROBE, OBSERVER),
    entity_sets=(EntitySet("observers", "observer"),),
    singletons=(Singleton("chief", "observer"),),
    stored=(INSTRUMENTS,),
)

LAYOUT = Layout.of(OBSERVATORY.whole, INSTRUMENTS)
OLD = OBSERVATORY.view("1")
CURRENT = OBSERVATORY.view("2")


def scope_of(model: Model, declared: str, *links: LinkedTo) -> Scope:
    """The entities of one type, as a path to all of them reaches them."""
    entity = model.entity(declared)
    return Scope(model.stored[0], entity, model.stored_as(entity), links, context=declared, path=declared)
