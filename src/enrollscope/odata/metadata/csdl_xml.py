"""What a model says of itself: `$metadata` as CSDL XML (OData CSDL XML 4.01).

Only what is declared is told: no facet that a property was not given. Names are spelt as Graph spells them: the alias
in types of properties, the namespace in the container. Annotations say what `protocol.capabilities` says.
"""

import xml.etree.ElementTree as ET
from collections.abc import Iterable, Mapping

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
from enrollscope.odata.protocol.capabilities import (
    VOCABULARIES,
    Annotation,
    AnnotationValue,
    NavigationPath,
    PropertyPath,
    annotations_of_collection,
    annotations_of_container,
    annotations_of_property,
    annotations_of_source,
    description_of,
)

_EDMX = "http://docs.oasis-open.org/odata/ns/edmx"
_EDM = "http://docs.oasis-open.org/odata/ns/edm"
TEMPORAL = (Primitive.DATE_TIME_OFFSET, Primitive.DURATION, Primitive.TIME_OF_DAY)
FRACTION_DIGITS = 7
"""Of a second, in every temporal value: 100 ns."""

_VOCABULARIES_URL = "https://oasis-tcs.github.io/odata-vocabularies/vocabularies"


def metadata_xml(model: Model) -> bytes:
    """The `$metadata` document of a version, in UTF-8, with an XML declaration."""
    root = ET.Element("edmx:Edmx", {"Version": "4.0", "xmlns:edmx": _EDMX})
    for name in VOCABULARIES:
        reference = ET.SubElement(root, "edmx:Reference", {"Uri": vocabulary_url(name, "xml")})
        ET.SubElement(reference, "edmx:Include", {"Namespace": name})
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


def vocabulary_url(name: str, suffix: str) -> str:
    """Where a vocabulary is published, as `xml` or `json`."""
    return f"{_VOCABULARIES_URL}/{name}.{suffix}"


class _SchemaWriter:
    """Adds declarations to a Schema element."""

    def __init__(self, model: Model, schema: ET.Element) -> None:
        self._model = model
        self._schema = schema

    def enum(self, kind: EnumType) -> None:
        element = ET.SubElement(self._schema, "EnumType", {"Name": kind.name})
        for member in kind.members:
            ET.SubElement(element, "Member", {"Name": member.name, "Value": str(member.value)})
        _annotate(element, description_of(kind.description))

    def complex(self, kind: ComplexType) -> None:
        element = ET.SubElement(self._schema, "ComplexType", {"Name": kind.name})
        for item in kind.properties:
            self._property(element, item)
        _annotate(element, description_of(kind.description))

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
        _annotate(element, description_of(kind.description))

    def container(self) -> None:
        """The container. All navigation is containment, so there is nothing to bind."""
        model = self._model
        element = ET.SubElement(self._schema, "EntityContainer", {"Name": model.container})
        for entity_set in model.entity_sets:
            full_name = f"{model.namespace}.{entity_set.type}"
            item = ET.SubElement(element, "EntitySet", {"Name": entity_set.name, "EntityType": full_name})
            _annotate(item, annotations_of_source(model, entity_set.type))
        for singleton in model.singletons:
            full_name = f"{model.namespace}.{singleton.type}"
            item = ET.SubElement(element, "Singleton", {"Name": singleton.name, "Type": full_name})
            _annotate(item, annotations_of_source(model, singleton.type))
        _annotate(element, annotations_of_container())

    def _property(self, owner: ET.Element, item: Property) -> None:
        name = self._value_type(item.type)
        element = ET.SubElement(
            owner, "Property", {"Name": item.name, "Type": f"Collection({name})" if item.collection else name}
        )
        if not item.nullable:
            element.set("Nullable", "false")
        elif item.collection:
            # A single value may be null unless it says otherwise; of items nothing can be assumed (§7.2.1).
            element.set("Nullable", "true")
        if item.type in TEMPORAL:
            # Without it there were no fractions of a second (§7.2.3), and we keep seven digits.
            element.set("Precision", str(FRACTION_DIGITS))
        if item.type is Primitive.DECIMAL:
            # Without it a decimal has no digits behind the point (CSDL XML 4.01 §7.2.4), and ours may have some.
            element.set("Scale", "variable")
        _annotate(element, annotations_of_property(item))

    def _navigation(self, owner: ET.Element, link: NavigationProperty) -> None:
        element = ET.SubElement(
            owner,
            "NavigationProperty",
            {"Name": link.name, "Type": f"Collection({self._aliased(link.target)})", "ContainsTarget": "true"},
        )
        _annotate(element, annotations_of_collection(self._model, link))

    def _value_type(self, kind: ValueType) -> str:
        return kind.value if isinstance(kind, Primitive) else self._aliased(kind.name)

    def _aliased(self, name: str) -> str:
        return f"{self._model.alias}.{name}"


def _annotate(element: ET.Element, annotations: Iterable[Annotation]) -> None:
    for annotation in annotations:
        _value(ET.SubElement(element, "Annotation", {"Term": annotation.term}), annotation.value)


def _value(owner: ET.Element, value: AnnotationValue) -> None:
    """Add a value: constants as an attribute, what is structured as a child."""
    match value:
        case bool():
            owner.set("Bool", "true" if value else "false")
        case PropertyPath():
            owner.set("PropertyPath", value)
        case NavigationPath():
            owner.set("NavigationPropertyPath", value)
        case str():
            owner.set("String", value)
        case tuple():
            collection = ET.SubElement(owner, "Collection")
            for item in value:
                _item(collection, item)
        case _:
            _record(owner, value)


def _item(collection: ET.Element, value: AnnotationValue) -> None:
    """Add a value to a collection, where constants are elements."""
    match value:
        case bool():
            ET.SubElement(collection, "Bool").text = "true" if value else "false"
        case PropertyPath():
            ET.SubElement(collection, "PropertyPath").text = value
        case NavigationPath():
            ET.SubElement(collection, "NavigationPropertyPath").text = value
        case str():
            ET.SubElement(collection, "String").text = value
        case tuple():
            raise TypeError("CSDL has no collections of collections")
        case _:
            _record(collection, value)


def _record(owner: ET.Element, value: Mapping[str, AnnotationValue]) -> None:
    record = ET.SubElement(owner, "Record")
    for name, item in value.items():
        _value(ET.SubElement(record, "PropertyValue", {"Property": name}), item)
