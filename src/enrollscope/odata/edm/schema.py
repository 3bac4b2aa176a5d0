"""The one declaration of everything a service has, and what the clients of one version see of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TypeVar, assert_never

from enrollscope.odata.edm.model import (
    ComplexType,
    EntitySet,
    EntityType,
    EnumType,
    Model,
    NavigationProperty,
    Primitive,
    Property,
    Singleton,
    StoredSet,
    ValueType,
    Views,
)


@dataclass(frozen=True)
class Schema:
    """The one declaration, over all versions. `entities` lists base types before those derived from them."""

    namespace: str
    alias: str
    container: str
    versions: tuple[str, ...]
    enums: tuple[EnumType, ...]
    complexes: tuple[ComplexType, ...]
    entities: tuple[EntityType, ...]
    entity_sets: tuple[EntitySet, ...]
    singletons: tuple[Singleton, ...]
    stored: tuple[StoredSet, ...]

    @cached_property
    def whole(self) -> Model:
        """Everything declared, as the store and the change log see it: nothing hidden, no sentinel."""
        return _Viewer(self, None).model()

    def view(self, version: str) -> Model:
        """What clients of `version` see."""
        return _Viewer(self, version).model()


_Viewed = TypeVar("_Viewed", ComplexType, EntityType, NavigationProperty, EntitySet, Singleton, Property)


class _Viewer:
    """Rebuilds the types of a schema with what one version has, keeping references between them whole."""

    def __init__(self, schema: Schema, version: str | None) -> None:
        self.schema = schema
        self.version = version
        self.enums = {item.name: self._enum(item) for item in schema.enums}
        self.complexes: dict[str, ComplexType] = {}
        for item in self._present(schema.complexes):
            self.complexes[item.name] = replace(
                item, properties=self._properties(item.properties), namespace=schema.namespace
            )
        self.entities: dict[str, EntityType] = {}
        for entity in self._present(schema.entities):
            self.entities[entity.name] = replace(
                entity,
                base=self.entities[entity.base.name] if entity.base else None,
                properties=self._properties(entity.properties),
                navigation=tuple(self._present(entity.navigation)),
                namespace=schema.namespace,
            )

    def model(self) -> Model:
        schema = self.schema
        return Model(
            version=self.version or "",
            namespace=schema.namespace,
            alias=schema.alias,
            container=schema.container,
            enums=tuple(self.enums.values()),
            complexes=tuple(self.complexes.values()),
            entities=tuple(self.entities.values()),
            entity_sets=tuple(self._present(schema.entity_sets)),
            singletons=tuple(self._present(schema.singletons)),
            stored=schema.stored,
            replacements=self._replacements(),
        )

    def _seen(self, views: Views) -> bool:
        return self.version is None or views is None or self.version in views

    def _present(self, items: Iterable[_Viewed]) -> Iterable[_Viewed]:
        return (item for item in items if self._seen(item.views))

    def _enum(self, item: EnumType) -> EnumType:
        return replace(
            item,
            members=tuple(member for member in item.members if self._seen(member.views)),
            hidden=tuple(member for member in item.members if not self._seen(member.views)),
            sentinel=item.sentinel if self.version is not None else None,
            namespace=self.schema.namespace,
        )

    def _properties(self, items: tuple[Property, ...]) -> tuple[Property, ...]:
        return tuple(replace(item, type=self._type(item.type)) for item in self._present(items))

    def _type(self, item: ValueType) -> ValueType:
        match item:
            case Primitive():
                return item
            case EnumType(name=name):
                return self.enums[name]
            case ComplexType(name=name):
                return self.complexes[name]
            case _:
                assert_never(item)

    def _replacements(self) -> dict[str, str]:
        found = {}
        for entity in self.schema.entities:
            if entity.name not in self.entities:
                found[entity.name] = next(
                    ancestor.name for ancestor in reversed(entity.lineage) if ancestor.name in self.entities
                )
        return found
