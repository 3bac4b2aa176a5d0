"""`$metadata` as CSDL JSON (OData CSDL JSON 4.01): the same declarations as in XML, with the defaults of this format.

In JSON a property is a string that is never null, and a decimal has any scale, unless it says otherwise.
"""

from collections.abc import Iterable
from typing import Any

from enrollscope.odata.edm.model import (
    ComplexType,
    EntityType,
    EnumType,
    Model,
    NavigationProperty,
    Primitive,
    Property,
    ValueType,
)
from enrollscope.odata.metadata.csdl_xml import FRACTION_DIGITS, TEMPORAL, vocabulary_url
from enrollscope.odata.protocol.capabilities import (
    VOCABULARIES,
    Annotation,
    AnnotationValue,
    annotations_of_collection,
    annotations_of_container,
    annotations_of_property,
    annotations_of_source,
    description_of,
)


def metadata_json(model: Model) -> dict[str, Any]:
    """The `$metadata` document of a version."""
    declared = {item.name: _enum(item) for item in model.enums}
    declared |= {item.name: _entity(model, item) for item in model.entities}
    declared |= {item.name: _complex(model, item) for item in model.complexes}
    return {
        "$Version": "4.0",
        "$EntityContainer": f"{model.namespace}.{model.container}",
        "$Reference": {vocabulary_url(name, "json"): {"$Include": [{"$Namespace": name}]} for name in VOCABULARIES},
        model.namespace: {"$Alias": model.alias, **declared, model.container: _container(model)},
    }


def _enum(kind: EnumType) -> dict[str, Any]:
    return {
        "$Kind": "EnumType",
        **{member.name: member.value for member in kind.members},
        **_annotated(description_of(kind.description)),
    }


def _complex(model: Model, kind: ComplexType) -> dict[str, Any]:
    return {
        "$Kind": "ComplexType",
        **{item.name: _property(model, item) for item in kind.properties},
        **_annotated(description_of(kind.description)),
    }


def _entity(model: Model, kind: EntityType) -> dict[str, Any]:
    content: dict[str, Any] = {"$Kind": "EntityType"}
    if kind.base is not None:
        content["$BaseType"] = f"{model.alias}.{kind.base.name}"
    if kind.abstract:
        content["$Abstract"] = True
    if kind.open_type:
        content["$OpenType"] = True
    if kind.key is not None:
        content["$Key"] = [kind.key]
    content |= {item.name: _property(model, item) for item in kind.properties}
    content |= {link.name: _navigation(model, link) for link in kind.navigation}
    return content | _annotated(description_of(kind.description))


def _container(model: Model) -> dict[str, Any]:
    content: dict[str, Any] = {"$Kind": "EntityContainer"}
    for entity_set in model.entity_sets:
        content[entity_set.name] = {
            "$Collection": True,
            "$Type": f"{model.alias}.{entity_set.type}",
            **_annotated(annotations_of_source(model, entity_set.type)),
        }
    for singleton in model.singletons:
        content[singleton.name] = {
            "$Type": f"{model.alias}.{singleton.type}",
            **_annotated(annotations_of_source(model, singleton.type)),
        }
    return content | _annotated(annotations_of_container())


def _property(model: Model, item: Property) -> dict[str, Any]:
    content: dict[str, Any] = {}
    if item.collection:
        content["$Collection"] = True
    if item.type is not Primitive.STRING:
        content["$Type"] = _type_name(model, item.type)
    if item.nullable:
        content["$Nullable"] = True
    if item.type in TEMPORAL:
        content["$Precision"] = FRACTION_DIGITS
    return content | _annotated(annotations_of_property(item))


def _navigation(model: Model, link: NavigationProperty) -> dict[str, Any]:
    return {
        "$Kind": "NavigationProperty",
        "$Collection": True,
        "$Type": f"{model.alias}.{link.target}",
        "$ContainsTarget": True,
        **_annotated(annotations_of_collection(model, link)),
    }


def _type_name(model: Model, kind: ValueType) -> str:
    return kind.value if isinstance(kind, Primitive) else f"{model.alias}.{kind.name}"


def _annotated(annotations: Iterable[Annotation]) -> dict[str, Any]:
    return {f"@{annotation.term}": _value(annotation.value) for annotation in annotations}


def _value(value: AnnotationValue) -> Any:
    """Paths are strings here: only the term says what a string means."""
    match value:
        case bool():
            return value
        case str():
            return str(value)
        case tuple():
            return [_value(item) for item in value]
        case _:
            return {name: _value(item) for name, item in value.items()}
