"""What a model says of itself: `$metadata` as CSDL XML (OData CSDL XML 4.01), and the service document.

Only what is declared is told: no facet that a property was not given, no annotation but descriptions. Names are spelt
as Graph spells them: the alias in types of properties, the namespace in the container.
"""

import xml.etree.ElementTree as ET
from typing import Any

from enrollscope.odata.edm import (
    ComplexType,
    EntityType,
    EnumType,
    Model,
    NavigationProperty,
    Primitive,
    Property,
    ValueType,
)

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
_CORE = "Org.OData.Core.V1"
_CORE_URL = f"https://oasis-tcs.github.io/odata-vocabularies/vocabularies/{_CORE}.xml"


def metadata_xml(model: Model) -> bytes:
    """The `$metadata` document of a version, in UTF-8, with an XML declaration."""
    root = ET.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    reference = ET.SubElement(root, "edmx:Reference", {"Uri": _CORE_URL})
    ET.SubElement(reference, "edmx:Include", {"Namespace": _CORE})
    services = ET.SubElement(root, "edmx:DataServices")
    schema = ET.SubElement(services, "Schema", {"Namespace": model.namespace, "Alias": model.alias, "xmlns": _EDM})
    writer = _SchemaWriter(model, schema)
    for enum in model.enums:
        writer.enum(enum)
    for entity in model.entities:
        writer.entity(entity)
    for kind in model.complexes:
        writer.complex(kind)
    writer.container()
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


class _SchemaWriter:
    """Adds declarations to a Schema element."""

    def __init__(self, model: Model, schema: ET.Element) -> None:
        self._model = model
        self._schema = schema

    def enum(self, kind: EnumType) -> None:
        element = ET.SubElement(self._schema, "EnumType", {"Name": kind.name})
        for member in kind.members:
            ET.SubElement(element, "Member", {"Name": member.name, "Value": str(member.value)})
        _describe(element, kind.description)

    def complex(self, kind: ComplexType) -> None:
        element = ET.SubElement(self._schema, "ComplexType", {"Name": kind.name})
        for item in kind.properties:
            self._property(element, item)
        _describe(element, kind.description)

    def entity(self, kind: EntityType) -> None:
        element = ET.SubElement(self._schema, "EntityType", {"Name": kind.name})
        if kind.base is not None:
            element.set("BaseType", self._aliased(kind.base.name))
        if kind.abstract:
            element.set("Abstract", "true")
        if kind.open_type:
            element.set("OpenType", "true")
        if kind.key is not None:
            ET.SubElement(ET.SubElement(element, "Key"), "PropertyRef", {"Name": kind.key})
        for item in kind.properties:
            self._property(element, item)
        for link in kind.navigation:
            self._navigation(element, link)
        _describe(element, kind.description)

    def container(self) -> None:
        """The container. All navigation is containment, so there is nothing to bind."""
        model = self._model
        element = ET.SubElement(self._schema, "EntityContainer", {"Name": model.container})
        for entity_set in model.entity_sets:
            full_name = f"{model.namespace}.{entity_set.type}"
            ET.SubElement(element, "EntitySet", {"Name": entity_set.name, "EntityType": full_name})
        for singleton in model.singletons:
            full_name = f"{model.namespace}.{singleton.type}"
            ET.SubElement(element, "Singleton", {"Name": singleton.name, "Type": full_name})

    def _property(self, owner: ET.Element, item: Property) -> None:
        name = self._value_type(item.type)
        element = ET.SubElement(
            owner, "Property", {"Name": item.name, "Type": f"Collection({name})" if item.collection else name}
        )
        if not item.nullable:
            element.set("Nullable", "false")
        if item.type is Primitive.DECIMAL:
            # Without it a decimal has no digits behind the point (CSDL XML 4.01 §7.2.4), and ours may have some.
            element.set("Scale", "variable")
        _describe(element, item.description)

    def _navigation(self, owner: ET.Element, link: NavigationProperty) -> None:
        element = ET.SubElement(
            owner,
            "NavigationProperty",
            {"Name": link.name, "Type": f"Collection({self._aliased(link.target)})", "ContainsTarget": "true"},
        )
        _describe(element, link.description)

    def _value_type(self, kind: ValueType) -> str:
        return kind.value if isinstance(kind, Primitive) else self._aliased(kind.name)

    def _aliased(self, name: str) -> str:
        return f"{self._model.alias}.{name}"


def _describe(element: ET.Element, description: str) -> None:
    if description:
        ET.SubElement(element, "Annotation", {"Term": f"{_CORE}.Description", "String": description})


def service_document(model: Model, base: str) -> dict[str, Any]:
    """The service document (OData JSON 4.01 §5).

    Args:
        base: absolute URL of the version root, without a slash at the end.
    """
    sets = [{"name": item.name, "kind": "EntitySet", "url": item.name} for item in model.entity_sets]
    singletons = [{"name": item.name, "kind": "Singleton", "url": item.name} for item in model.singletons]
    return {"@odata.context": f"{base}/$metadata", "value": [*sets, *singletons]}
