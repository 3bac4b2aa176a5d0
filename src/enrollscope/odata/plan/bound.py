"""Typed expressions: what the binder makes of parsed ones, and what a store turns into a statement.

Every name is resolved and every type known. Literals are not here but in a tuple of parameters beside the expression,
so that an expression is the *shape* of a question: hashable, equal for equal shapes, the key of every cache of
statements.

Null follows OData 4.01, not SQL: a comparison is never null (`null eq null` is true, `null eq 5` and `null lt 5` are
false); `and`, `or`, `not` are three-valued; arithmetic and functions of null are null; a row whose condition is null is
left out.
"""

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from enrollscope.odata.edm.model import EnumType, Primitive

ScalarType: TypeAlias = Primitive | EnumType


class Comparison(Enum):
    """`eq`, `ne`, `gt`, `ge`, `lt`, `le`."""

    EQ = "eq"
    NE = "ne"
    GT = "gt"
    GE = "ge"
    LT = "lt"
    LE = "le"


class Logic(Enum):
    """`and`, `or`."""

    AND = "and"
    OR = "or"


class Operator(Enum):
    """Arithmetic; `div` of integers drops the remainder, `divby` never does (URL conventions 4.01 §5.1.1.2)."""

    ADD = "add"
    SUB = "sub"
    MUL = "mul"
    DIV = "div"
    DIVBY = "divby"
    MOD = "mod"


@dataclass(frozen=True, slots=True)
class Column:
    """A scalar property of the row. Null in rows whose type lacks it."""

    property: str
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Field:
    """The value at `index` of a row that a `queries.Group` made: its keys first, then its aggregates."""

    index: int
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Source:
    """Where a structured value or a collection is found.

    Attributes:
        of: the name of a property of the row, or the number of the element that an enclosing `Quantified` or `Size`
            looks at.
        path: names of properties to go into from there.
        types: null in rows of other stored types; `None`: in no row.
    """

    of: str | int
    path: tuple[str, ...] = ()
    types: frozenset[str] | None = None

    def inside(self, name: str) -> "Source":
        """One property further in."""
        return Source(self.of, (*self.path, name), self.types)


@dataclass(frozen=True, slots=True)
class Inside:
    """A scalar inside a structured value, or an element that is a scalar. Null where anything on the way is."""

    source: Source
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Present:
    """A structured value is there; never null."""

    source: Source
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Parameter:
    """The literal at `index` of the parameters; never null."""

    index: int
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Null:
    """The literal `null`."""

    type: ScalarType | None = None


@dataclass(frozen=True, slots=True)
class Compare:
    """A comparison of two operands of one type.

    Enumerations compare by number, instants by ticks, strings by code point.
    """

    operator: Comparison
    left: "Bound"
    right: "Bound"
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Combine:
    """`and` or `or`."""

    operator: Logic
    left: "Bound"
    right: "Bound"
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Not:
    """Negation; null stays null."""

    operand: "Bound"
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class In:
    """`eq` to at least one of the items; false for none."""

    operand: "Bound"
    items: tuple["Bound", ...]
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Call:
    """A canonical function; `name` is that of the table in `edm/functions.py`, in lower case."""

    name: str
    arguments: tuple["Bound", ...]
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """A binary arithmetic operation, both operands promoted to `type`."""

    operator: Operator
    left: "Bound"
    right: "Bound"
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Negate:
    """Arithmetic minus."""

    operand: "Bound"
    type: ScalarType


@dataclass(frozen=True, slots=True)
class TypeIs:
    """The row's stored type is one of `types`; never null."""

    types: frozenset[str]
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class OfType:
    """The operand in rows whose stored type is one of `types`, null in all others: a property behind a type cast."""

    operand: "Bound"
    types: frozenset[str]
    type: ScalarType


@dataclass(frozen=True, slots=True)
class SameText:
    """Two strings are equal without regard to ASCII case; never null. How links and GUID-like keys compare."""

    left: "Bound"
    right: "Bound"
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class OfRow:
    """The operand for the one row of the same set for which `where` is true; null where there is none."""

    where: "Bound"
    operand: "Bound"
    type: ScalarType


class Quantifier(Enum):
    """`any`, `all`."""

    ANY = "any"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Quantified:
    """The predicate is true of any, or of all, elements of a collection; never null. A null collection is empty.

    Attributes:
        variable: the number by which the predicate's sources know the element.
        predicate: `None`: true of every element.
    """

    quantifier: Quantifier
    source: Source
    variable: int
    predicate: "Bound | None"
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Size:
    """How many elements of a collection the predicate is true of; see `Quantified`."""

    source: Source
    variable: int
    predicate: "Bound | None"
    type: ScalarType = Primitive.INT64


@dataclass(frozen=True, slots=True)
class Case:
    """The value of the first branch whose condition is true, else `otherwise`; all of one type."""

    branches: tuple[tuple["Bound", "Bound"], ...]
    otherwise: "Bound"
    type: ScalarType | None


@dataclass(frozen=True, slots=True)
class Cast:
    """The operand as a value of another type; null where it has no such value (URL conventions 4.01 §5.1.1.10.1)."""

    operand: "Bound"
    type: ScalarType


@dataclass(frozen=True, slots=True)
class Mentions:
    """At least one of the values contains the text, without regard to case by the rules of Unicode; never null."""

    text: "Bound"
    values: tuple["Bound", ...]
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class Whole:
    """A structured value or a collection as it is found. A collection that is null is empty.

    Attributes:
        kept: of a collection, the number of the element, and what must be true of it.
    """

    source: Source
    collection: bool
    kept: tuple[int, "Bound"] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A collection of these items."""

    items: tuple["Bound | Composite", ...]


@dataclass(frozen=True, slots=True)
class Built:
    """A structured value of these members; those that are null may as well be absent."""

    members: tuple[tuple[str, "Bound | Composite"], ...]


@dataclass(frozen=True, slots=True)
class Joined:
    """The items of two collections, one behind the other."""

    left: "Composite"
    right: "Composite"


@dataclass(frozen=True, slots=True)
class Part:
    """The items of a collection from `start`, at most `length`; null where one of these is.

    Attributes:
        start: counted from 0; a negative one from the end.
    """

    of: "Composite"
    start: "Bound"
    length: "Bound | None" = None


Composite: TypeAlias = Whole | Listed | Built | Joined | Part
"""What is no scalar.

Two structured values are equal if their members are, whatever the order of these; a member that is null or an empty
collection equals one that is absent. Numbers are equal if they are mathematically.
"""


@dataclass(frozen=True, slots=True)
class Same:
    """Two composite values are equal, or both null; never null."""

    left: Composite
    right: Composite
    type: ScalarType = Primitive.BOOLEAN


@dataclass(frozen=True, slots=True)
class CollectionCall:
    """A canonical function of collections that gives a scalar; otherwise as `Call`."""

    name: str
    arguments: tuple[Composite, ...]
    type: ScalarType


Bound: TypeAlias = (
    Column
    | Field
    | Inside
    | Present
    | Parameter
    | Null
    | Compare
    | Combine
    | Not
    | In
    | Call
    | Arithmetic
    | Negate
    | TypeIs
    | OfType
    | SameText
    | OfRow
    | Quantified
    | Size
    | Case
    | Cast
    | Mentions
    | Same
    | CollectionCall
)
