"""Reader and writer are each other's inverse, for any entity of any model."""

import json
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from enrollscope.model.events import EVENTS, SCHEMA
from enrollscope.odata.edm.layout import TYPE, Layout
from enrollscope.odata.edm.model import EntityType, Model, StoredSet
from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.edm.values import Instant
from enrollscope.odata.json.merge import create, merge
from enrollscope.odata.json.reader import BodyReader
from enrollscope.odata.json.writer import EntityWriter
from enrollscope.odata.plan.requests import Scope
from enrollscope.odata.protocol.headers import JsonFormat, MetadataLevel
from tests.odata.generated import bodies
from tests.odata.observatory import INSTRUMENTS, OBSERVATORY

NOW = Instant.parse("2024-05-15T14:13:19.3769412Z")


@dataclass(frozen=True)
class Service:
    """One version of a schema, as far as bodies and entities go."""

    schema: Schema
    layout: Layout
    model: Model
    reader: BodyReader
    scope: Scope

    @classmethod
    def of(cls, schema: Schema, stored: StoredSet, version: str) -> "Service":
        """The version with all entities of one set."""
        model = schema.view(version)
        root = model.entity(stored.type)
        scope = Scope(stored, root, model.stored_as(root), (), context="x", path="x")
        return cls(schema, Layout.of(schema.whole, stored), model, BodyReader(model, schema.whole), scope)


@dataclass(frozen=True)
class Kind:
    """A type of entity, created through one version, with bodies for it, and shown by each version."""

    service: Service
    entity: EntityType
    bodies: st.SearchStrategy[dict[str, Any]]
    others: tuple[Service, ...]

    @property
    def typed(self) -> dict[str, str]:
        """The control information that names the type."""
        return {"@odata.type": f"#{self.entity.name_in_model}"}


def kinds_of(schema: Schema, stored: StoredSet) -> list[Kind]:
    """Every type that can be created, in every version."""
    services = tuple(Service.of(schema, stored, version) for version in schema.versions)
    return [
        Kind(service, entity, bodies(entity), services)
        for service in services
        for entity in service.model.concrete_types(service.scope.declared)
    ]


KINDS = pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=f"{kind.entity.name}-{kind.service.model.version}")
        for schema, stored in ((SCHEMA, EVENTS), (OBSERVATORY, INSTRUMENTS))
        for kind in kinds_of(schema, stored)
    ],
)
# A busy machine is no defect, and a probe has forty properties to draw.
CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FORMATS = [JsonFormat(level, compatible) for level in MetadataLevel for compatible in (False, True)]


def transmitted(entity: dict[str, Any]) -> Any:
    """The entity as the other side decodes it; a Decimal goes out as a number, and stays exact in this test."""
    text = json.dumps(entity, default=lambda value: f"decimal:{value}")
    return json.loads(text, object_hook=_decimals)


def _decimals(value: dict[str, Any]) -> dict[str, Any]:
    return {name: _decimal(inner) for name, inner in value.items()}


def _decimal(value: Any) -> Any:
    if isinstance(value, list):
        return [_decimal(inner) for inner in value]
    return Decimal(value.removeprefix("decimal:")) if isinstance(value, str) and value.startswith("decimal:") else value


@KINDS
@CALM
@given(data=st.data())
def test_an_entity_reads_back_as_it_was_written(kind: Kind, data: st.DataObject) -> None:
    """What one client creates, and another copies from what it is shown, is the same, at every metadata level."""
    service = kind.service
    found, values = service.reader.create(data.draw(kind.bodies) | kind.typed, service.scope, now=NOW)
    assert found == kind.entity.name
    record = create(service.layout, "key", found, values)
    json_format = data.draw(st.sampled_from(FORMATS))
    shown = EntityWriter(service.model, service.layout, json_format=json_format).write(record, context="c")
    # Without metadata the type is lost, as the standard has it, so it is given back.
    copied, again = service.reader.create(transmitted(shown) | kind.typed, service.scope, now=NOW)
    again.pop(kind.entity.key_property.name, None)
    assert (copied, again) == (found, values)


@KINDS
@CALM
@given(data=st.data())
def test_an_echo_changes_nothing(kind: Kind, data: st.DataObject) -> None:
    """Whatever a client of any version is shown, it can send back: the entity keeps its version (contract §3.8)."""
    service = kind.service
    found, values = service.reader.create(data.draw(kind.bodies) | kind.typed, service.scope, now=NOW)
    record = create(service.layout, "key", found, values)
    for other in kind.others:
        shown = EntityWriter(other.model, other.layout).write(record, context="c")
        changes = other.reader.update(transmitted(shown), other.scope)
        changes.fit.check(record[TYPE])
        assert merge(service.layout, record, changes.values) is record


@pytest.mark.parametrize(
    ("schema", "stored"), [pytest.param(SCHEMA, EVENTS, id="events"), pytest.param(OBSERVATORY, INSTRUMENTS, id="sky")]
)
@CALM
@given(data=st.data())
def test_many_are_written_as_each_by_itself(schema: Schema, stored: StoredSet, data: st.DataObject) -> None:
    """Column by column or one by one, in whatever mixture of types: the same entities, in their order."""
    kinds = kinds_of(schema, stored)
    service = kinds[-1].service
    records = []
    for number, kind in enumerate(data.draw(st.lists(st.sampled_from(kinds), max_size=5))):
        found, values = kind.service.reader.create(data.draw(kind.bodies) | kind.typed, kind.service.scope, now=NOW)
        records.append(create(service.layout, f"key-{number}", found, values))
    json_format = data.draw(st.sampled_from(FORMATS))
    context = data.draw(st.none() | st.just("c"))
    writer = EntityWriter(service.model, service.layout, json_format=json_format)
    together = writer.write_all(list(zip(*records, strict=True)), context=context)
    alone = [writer.write(record, context=context) for record in records]
    assert [list(entity.items()) for entity in together] == [list(entity.items()) for entity in alone]
