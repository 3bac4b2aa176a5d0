"""Operands as far as they are understood without knowing what stands on the other side of the operator."""

from dataclasses import dataclass
from typing import TypeAlias

from enrollscope.odata.binding.operands import Word
from enrollscope.odata.binding.rows import Found, Many, Structure
from enrollscope.odata.edm.model import ValueType
from enrollscope.odata.grammar.expr import Literal
from enrollscope.odata.plan.bound import Composite


@dataclass(frozen=True, slots=True)
class Typed:
    """A structured value or a collection that was made, not found.

    Attributes:
        type: of the value or its items; `None`: of no type in particular.
    """

    value: Composite
    type: ValueType | None
    collection: bool


@dataclass(frozen=True, slots=True)
class Items:
    """An array; what its literals are depends on what it goes together with."""

    items: tuple[tuple["Loose", int], ...]
    """Each with its position."""


@dataclass(frozen=True, slots=True)
class Members:
    """An object."""

    members: tuple[tuple[str, "Loose", int], ...]
    """Each with its name and the position of its value."""


Loose: TypeAlias = Found | Literal | Word | Typed | Items | Members

# Made once: a union in the place of each would be made anew by every call.
COMPOSITE: frozenset[type] = frozenset({Structure, Many, Typed, Items, Members})
"""What is a structured value or a collection."""
_COLLECTIONS = (Many, Items)
UNTYPED = (Literal, Word)
"""What has no type before it is known what it is compared with."""


def is_composite(operand: Loose) -> bool:
    """Whether something is a structured value or a collection."""
    return type(operand) in COMPOSITE


def is_collection(operand: Loose) -> bool:
    """Whether something is a collection."""
    return isinstance(operand, _COLLECTIONS) or (isinstance(operand, Typed) and operand.collection)


def is_null(operand: Loose) -> bool:
    """Whether something is the literal `null`."""
    return isinstance(operand, Literal) and operand.kind == "null"
