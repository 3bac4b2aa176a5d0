"""A model that has nothing to do with the product: what the engine and the store do, they do for any model."""

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import (
    ComplexType,
    EntityType,
    EnumMember,
    EnumType,
    Link,
    NavigationProperty,
    Primitive,
    Property,
    StoredSet,
)
from enrollscope.odata.edm.schema import Schema

GENRE = EnumType(
    "genre",
    tuple(EnumMember(name, number) for number, name in enumerate(("novel", "poem", "essay"))),
    namespace="example.library",
)

ADDRESS = ComplexType("address", (Property("street", Primitive.STRING), Property("city", Primitive.STRING)))

PUBLISHER = ComplexType(
    "publisher",
    (
        Property("name", Primitive.STRING),
        Property("address", ADDRESS),
        Property("imprints", Primitive.STRING, collection=True),
    ),
)

REVIEW = ComplexType("review", (Property("text", Primitive.STRING), Property("stars", Primitive.INT32)))

THING = EntityType(
    "thing", abstract=True, key="code", properties=(Property("code", Primitive.STRING, nullable=False, computed=True),)
)

WORK = EntityType(
    "work",
    base=THING,
    properties=(
        Property("issued", Primitive.DATE_TIME_OFFSET, nullable=False),
        Property("title", Primitive.STRING),
        Property("borrower", Primitive.STRING),
        Property("returned", Primitive.DATE_TIME_OFFSET),
        Property("genre", GENRE),
        Property("lent", Primitive.BOOLEAN),
        Property("publisher", PUBLISHER),
        Property("keywords", Primitive.STRING, collection=True),
        Property("reviews", REVIEW, collection=True),
    ),
)

BOOK = EntityType(
    "book",
    base=WORK,
    properties=(
        Property("pages", Primitive.INT32),
        Property("printed", Primitive.INT64),
        Property("weight", Primitive.DOUBLE),
        Property("price", Primitive.DECIMAL),
        Property("shelf", Primitive.GUID),
    ),
)

AUDIOBOOK = EntityType(
    "audiobook",
    base=WORK,
    properties=(
        Property("narrator", Primitive.STRING),
        Property("runningTime", Primitive.DURATION),
        Property("recorded", Primitive.DATE),
        Property("broadcast", Primitive.TIME_OF_DAY),
        Property("sample", Primitive.BINARY),
    ),
)

MEMBER = EntityType(
    "member",
    base=THING,
    navigation=(NavigationProperty("loans", target="work", stored_in="works", link=Link("borrower")),),
)

WORKS = StoredSet(
    "works",
    "work",
    default_order=("-issued",),
    often_changed=("genre", "pages", "title", "price"),
    often_rewritten=("narrator",),
)

LIBRARY = Schema(
    namespace="example.library",
    alias="lib",
    container="Library",
    versions=("1",),
    enums=(GENRE,),
    complexes=(ADDRESS, PUBLISHER, REVIEW),
    entities=(THING, WORK, BOOK, AUDIOBOOK, MEMBER),
    entity_sets=(),
    singletons=(),
    stored=(WORKS,),
)

LAYOUT = Layout.of(LIBRARY.whole, WORKS)
