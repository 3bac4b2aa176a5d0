"""What is said of a body that reads as JSON but does not fit the model: the texts that clients of Graph know.

Each text begins as contract §3.7 has it and goes on with what would be right. Values and names come from the client, so
they are shown cut and printable.
"""

import difflib
from collections.abc import Iterable, Sequence

from enrollscope.odata.edm.model import ComplexType, EntityType, EnumType, Property, ValueType
from enrollscope.odata.errors import ModelValidationFailure

_LONGEST_SHOWN = 120
_LONGEST_COMPARED = 64


def printable(text: str) -> str:
    """Show a client's own text in a message: cut, and without what UTF-8 cannot carry."""
    if len(text) > _LONGEST_SHOWN:
        text = f"{text[:_LONGEST_SHOWN]}… ({len(text)} characters)"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def literal(value: object) -> str:
    """Spell a JSON scalar for a message."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() if value.bit_length() > 1024:
            return f"a number of about {value.bit_length() * 3 // 10} digits"
        case _:
            return printable(str(value))


def type_name(item: Property) -> str:
    """Name the type of a property's value, `Collection(…)` included."""
    name = item.type.name_in_model
    return f"Collection({name})" if item.collection else name


def unknown_property(name: str, types: Sequence[EntityType | ComplexType], path: str) -> ModelValidationFailure:
    """Say that no type that may stand here has such a property, and which one may be meant."""
    declared = [item.name for owner in types for item in _properties(owner)]
    near = _nearest(name, declared)
    hint = f" Did you mean '{near}'?" if near else ""
    return ModelValidationFailure(
        f"The property '{printable(name)}' does not exist on type '{types[0].name_in_model}'. "
        f"Make sure to only use property names that are defined by the type.{hint}",
        target=printable(f"{path}/{name}" if path else name),
    )


def _properties(owner: EntityType | ComplexType) -> Iterable[Property]:
    return owner.all_properties if isinstance(owner, EntityType) else owner.properties


def _nearest(name: str, candidates: Sequence[str]) -> str | None:
    if len(name) > _LONGEST_COMPARED:
        return None
    folded = {item.lower().replace("_", ""): item for item in candidates}
    close = difflib.get_close_matches(name.lower().replace("_", ""), folded, n=1, cutoff=0.75)
    return folded[close[0]] if close else None


def wrong_value(value: object, expected: ValueType, path: str, reason: str = "") -> ModelValidationFailure:
    """Say that a scalar is not of the property's type; `reason` is a clause that says what would be."""
    if isinstance(value, (list, dict)):
        return wrong_node(value, "PrimitiveValue", path)
    more = f" {reason[0].upper()}{reason[1:]}." if reason else ""
    return ModelValidationFailure(
        f"Cannot convert the literal '{literal(value)}' to the expected type '{expected.name_in_model}'.{more}",
        target=path or None,
    )


def wrong_node(value: object, expected: str, path: str) -> ModelValidationFailure:
    """Say that an object, an array or a scalar stands where another of the three belongs.

    Args:
        expected: `StartObject`, `StartArray` or `PrimitiveValue`.
    """
    found = "StartObject" if isinstance(value, dict) else "StartArray" if isinstance(value, list) else "PrimitiveValue"
    return ModelValidationFailure(
        f"An unexpected '{found}' node was found when reading from the JSON reader. A '{expected}' node was expected.",
        target=path or None,
    )


def unexpected_null(item: Property, path: str, *, element: bool = False) -> ModelValidationFailure:
    """Say that a property, or an element of a collection, cannot be null."""
    expected = f"{item.type.name_in_model if element else type_name(item)}[Nullable=False]"
    empty = " Send [] for an empty collection." if item.collection and not element else ""
    return ModelValidationFailure(
        f"A null value was found for the property named '{item.name}', which has the expected type '{expected}'. "
        f"The expected type '{expected}' does not allow null values.{empty}",
        target=path,
    )


def too_many_elements(count: int, most: int, path: str) -> ModelValidationFailure:
    """Say that a collection is longer than can be kept."""
    return ModelValidationFailure(
        f"The collection '{path}' has {count} elements; at most {most} can be stored in one.", target=path
    )


def missing_value(item: Property, owner: EntityType | ComplexType, path: str) -> ModelValidationFailure:
    """Say that a new value lacks a property that cannot be null."""
    return ModelValidationFailure(
        f"The property '{item.name}' of type '{type_name(item)}' is missing: "
        f"a new '{owner.name_in_model}' needs a value for it.",
        target=path,
    )


def unknown_member(name: str, enum: EnumType, path: str) -> ModelValidationFailure:
    """Say that an enumeration has no such member, and which ones it has for this client."""
    allowed = [member.name for member in enum.members if member.name != enum.sentinel]
    hidden = enum.find(name, include_hidden=True)
    if hidden is not None and hidden.name == enum.sentinel:
        hint = f" '{hidden.name}' only stands for members that this version does not show; it cannot be stored."
    elif hidden is not None:
        hint = f" With the header 'Prefer: include-unknown-enum-members' the member '{hidden.name}' can be written."
    else:
        near = _nearest(name, allowed)
        hint = f" Did you mean '{near}'?" if near else ""
    return ModelValidationFailure(
        f"Requested value '{printable(name)}' was not found.{hint} "
        f"The members of '{enum.name_in_model}' are: {', '.join(allowed)}.",
        target=path,
    )


def unresolved_type(name: str, path: str) -> ModelValidationFailure:
    """Say that `@odata.type` names nothing in the model."""
    return ModelValidationFailure(
        f"A type named '{printable(name.removeprefix('#'))}' could not be resolved by the model. "
        f"When a model is available, each type name must resolve to a valid type.",
        target=path,
    )


def unrelated_type(
    found: ValueType | EntityType, expected: ValueType | EntityType, path: str
) -> ModelValidationFailure:
    """Say that `@odata.type` names a type that cannot stand here."""
    return ModelValidationFailure(
        f"An entry with type '{found.name_in_model}' was found, but it is not assignable to the expected type "
        f"'{expected.name_in_model}'. The type specified in the entry must be equal to either the expected type or a "
        f"derived type.",
        target=path,
    )


def abstract_type(found: EntityType, path: str) -> ModelValidationFailure:
    """Say that `@odata.type` names an abstract type."""
    return ModelValidationFailure(
        f"Cannot create an abstract class. The type '{found.name_in_model}' has no instances of its own.", target=path
    )


def no_common_type(names: Iterable[str], types: Iterable[EntityType], path: str) -> ModelValidationFailure:
    """Say that no single type has all the properties that a new entity is given."""
    return ModelValidationFailure(
        f"No type has all of the properties {_listed(names)}. An entity here is one of {_listed_types(types)}.",
        target=path,
    )


def ambiguous_type(types: Iterable[EntityType]) -> ModelValidationFailure:
    """Say that several types would fit a new entity and none of them is the base of the others."""
    return ModelValidationFailure(
        f"The properties fit more than one type. Name the one that is meant in '@odata.type': {_listed_types(types)}.",
        target="@odata.type",
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


def _listed_types(types: Iterable[EntityType]) -> str:
    return _listed(f"#{item.name_in_model}" for item in types)
