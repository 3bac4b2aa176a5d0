"""What the text of a query says, as values: the nodes the parser makes and the binder reads.

Nothing here knows a model. The property `colour`, the bare enum member `red` and `model.paintedThing/colour` are all a
`Path`; the binder decides what its segments mean.

`position` is the number of characters before the node in the text that was parsed. It takes no part in comparison, so
two spellings of one question are equal.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from typing import Literal as OneOf
from uuid import UUID

from enrollscope.odata.edm.values import Duration, Instant, TimeOfDay

LiteralKind = OneOf[
    "null",
    "boolean",
    "integer",
    "decimal",
    "double",
    "string",
    "guid",
    "date",
    "dateTimeOffset",
    "timeOfDay",
    "duration",
    "enum",
    "binary",
    "geo",
]
BinaryOperator = OneOf[
    "eq", "ne", "gt", "ge", "lt", "le", "has", "in", "add", "sub", "mul", "div", "divby", "mod"
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class EnumMembers:
    """An enum literal as written.

    Attributes:
        type_name: the qualified type before the quotes; None for a literal of quotes alone, which is a string until
            the binder sees that the other side is an enum.
        members: member names or, as int, underlying values.
    """

    type_name: str | None
    members: tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A geometric shape: a position is a tuple of two to four doubles, everything larger is a shape of shapes."""

    name: str
    parts: tuple["Shape | tuple[float, ...]", ...]


@dataclass(frozen=True, slots=True)
class Geo:
    """A geography or geometry literal."""

    family: OneOf["geography", "geometry"]
    srid: int
    shape: Shape


@dataclass(frozen=True, slots=True)
class Unrepresentable:
    """The value of a literal that the ABNF allows and this service cannot hold, such as the date -10000-04-01.

    Attributes:
        reason: a clause for the client: why there is no such value.
    """

    reason: str


LiteralValue = (
    None
    | bool
    | int
    | float
    | Decimal
    | str
    | UUID
    | date
    | Instant
    | TimeOfDay
    | Duration
    | EnumMembers
    | bytes
    | Geo
    | Unrepresentable
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written in the URL.

    A quoted text without prefix is always of kind `string`; that it may mean an enum member or a duration is known
    only from the other operand. Decimal text with an exponent, `INF` and `NaN` are of kind `double`.
    """

    kind: LiteralKind
    value: LiteralValue
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Argument:
    """One thing between the parentheses after a name: a key value or a function parameter; only the model tells which.

    Attributes:
        name: None for the value of a single-part key.
    """

    name: str | None
    value: "Expr"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A simple identifier: a property, an unqualified type, function or enum member, or a lambda variable.

    Attributes:
        arguments: None where no parentheses follow; `()` for empty ones, which only a function has.
    """

    name: str
    arguments: tuple[Argument, ...] | None = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Qualified:
    """A name with a namespace: a type cast or a bound function. `name` holds all of it, dots included."""

    name: str
    arguments: tuple[Argument, ...] | None = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Annotation:
    """`@term` or `@Namespace.term#qualifier`; an unqualified first segment `@name` is a parameter alias or this."""

    term: str
    qualifier: str | None = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Variable:
    """Where a path starts: the current instance, the collection, or the service root."""

    name: OneOf["$it", "$this", "$these", "$root"]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Alias:
    """`@name`, a parameter alias; `name` is without the `@`."""

    name: str
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Count:
    """`/$count`, with the `$filter` and `$search` that may stand in parentheses behind it."""

    filter: "Expr | None" = None
    search: "Search | None" = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class FilterSegment:
    """`/$filter(…)`, with the key that may follow it."""

    predicate: "Expr"
    arguments: tuple[Argument, ...] | None = None
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lambda:
    """`/any(x:…)` or `/all(x:…)`; `any()` has neither variable nor predicate."""

    quantifier: OneOf["any", "all"]
    variable: str | None
    predicate: "Expr | None"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class AggregateSegment:
    """`/aggregate(…)` inside an expression (Data Aggregation 4.0)."""

    item: "AggregateItem"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Marker:
    """`$ref` or `$value` as a segment of `$expand`."""

    name: OneOf["$ref", "$value"]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Star:
    """`*` of `$select` and `$expand`; with a namespace, all operations of that schema."""

    namespace: str | None = None
    position: int = field(default=0, compare=False)


Segment = (
    Name
    | Qualified
    | Annotation
    | Variable
    | Alias
    | Count
    | FilterSegment
    | Lambda
    | AggregateSegment
    | Star
    | Marker
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """Segments between slashes, at least one."""

    segments: tuple[Segment, ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A canonical function. `function` is its name in `edm.functions.FUNCTIONS`, whatever case the client wrote."""

    function: str
    arguments: tuple["Expr", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Case:
    """`case(condition:value,…)`: the value of the first condition that holds, otherwise null."""

    branches: tuple[tuple["Expr", "Expr"], ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeName:
    """A type as `cast` and `isof` name it, without the `Collection(…)` around it."""

    name: str
    collection: bool = False
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TypeCall:
    """`cast` or `isof`; without an operand they speak of the current instance."""

    function: OneOf["cast", "isof"]
    operand: "Expr | None"
    type: TypeName
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or arithmetic negation."""

    operator: OneOf["not", "-"]
    operand: "Expr"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Binary:
    """Every operator with two operands but `and` and `or`. `position` is that of the operator."""

    operator: BinaryOperator
    left: "Expr"
    right: "Expr"
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Logical:
    """A chain of one connective: two or more operands on one level, so that a long filter is not a deep one."""

    operator: OneOf["and", "or"]
    operands: tuple["Expr", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class ListExpr:
    """The parenthesised list of literals on the right of `in`."""

    items: tuple["Expr", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Array:
    """A JSON array whose items may be expressions."""

    items: tuple["Expr", ...]
    position: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Object:
    """A JSON object whose values may be expressions; names in the order written, none twice."""

    members: tuple[tuple[str, "Expr"], ...]
    position: int = field(default=0, compare=False)


Expr = Literal | Path | Call | Case | TypeCall | Unary | Binary | Logical | ListExpr | Array | Object


@dataclass(frozen=True, slots=True)
class OrderByItem:
    """One key of `$orderby`."""

    expression: Expr
    descending: bool = False


@dataclass(frozen=True, slots=True)
class ComputeItem:
    """`expression as alias`."""

    expression: Expr
    alias: str


@dataclass(frozen=True, slots=True)
class SearchWord:
    """A word to be found."""

    text: str


@dataclass(frozen=True, slots=True)
class SearchPhrase:
    """Words in double quotes, to be found in this order."""

    text: str


@dataclass(frozen=True, slots=True)
class SearchRaw:
    """Text in single quotes: a search expression somebody is still typing, which the service reads as it likes."""

    text: str


@dataclass(frozen=True, slots=True)
class SearchNot:
    """`NOT`."""

    operand: "Search"


@dataclass(frozen=True, slots=True)
class SearchLogical:
    """A chain of `AND` (written or not) or of `OR`."""

    operator: OneOf["AND", "OR"]
    operands: tuple["Search", ...]


Search = SearchWord | SearchPhrase | SearchRaw | SearchNot | SearchLogical


@dataclass(frozen=True, slots=True)
class FromClause:
    """`from properties [with method]`: an intermediate aggregation step."""

    properties: tuple[Path, ...]
    method: str | None


@dataclass(frozen=True, slots=True)
class AggregateItem:
    """One item of `aggregate(…)`.

    Attributes:
        expression: what is aggregated; a path that ends in `Count` counts.
        method: `sum`, `min`, `max`, `average`, `countdistinct` or a qualified name; None for a count and a custom
            aggregate.
    """

    expression: Expr
    method: str | None
    steps: tuple[FromClause, ...] = ()
    alias: str | None = None


def show(node: object) -> str:
    """Print a node as an S-expression, for tests: `(eq colour 'red')`.

    Paths read as they are written in a URL. Any other node is its operator or class and then its fields; a field that
    says nothing (None, False, empty) is left out, and so are positions.
    """
    match node:
        case Path(segments):
            return "/".join(map(show, segments))
        case Name(name, arguments) | Qualified(name, arguments):
            return name + _show_arguments(arguments)
        case FilterSegment(predicate, arguments):
            return f"$filter({show(predicate)})" + _show_arguments(arguments)
        case Argument(name, value):
            return show(value) if name is None else f"{name}={show(value)}"
        case Annotation(term, qualifier):
            return f"@{term}#{qualifier}" if qualifier else f"@{term}"
        case Alias(name):
            return f"@{name}"
        case Star(namespace):
            return f"{namespace}.*" if namespace else "*"
        case Count(None, None):
            return "$count"
        case Lambda(quantifier, variable, predicate):
            return f"{quantifier}({variable}:{show(predicate)})" if predicate is not None else f"{quantifier}()"
        case TypeName(name, collection):
            return f"Collection({name})" if collection else name
        case Variable(name) | Marker(name):
            return name
        case _:
            return _show_plain(node)


def _show_plain(node: object) -> str:
    match node:
        case Literal("null"):
            return "null"
        case Literal("string", str(text)):
            return "'" + text.replace("'", "''") + "'"
        case Literal("boolean", bool(truth)):
            return str(truth).lower()
        case Literal(kind, value):
            return str(value) if kind in ("integer", "decimal", "double") else f"{kind}:{value!s}"
        case Binary(operator, left, right):
            return f"({operator} {show(left)} {show(right)})"
        case Unary(operator, operand):
            return f"({operator} {show(operand)})"
        case Logical(operator, operands) | SearchLogical(operator, operands) | Call(operator, operands):
            return f"({' '.join([operator, *map(show, operands)])})"
        case tuple(items):
            return f"[{' '.join(map(show, items))}]"
        case _ if is_dataclass(node):
            values = [getattr(node, each.name) for each in fields(node) if each.name != "position"]
            said = [show(value) for value in values if not (value is None or value is False or value == ())]
            return f"({' '.join([type(node).__name__, *said])})"
        case _:
            return str(node)


def _show_arguments(arguments: tuple[Argument, ...] | None) -> str:
    return "" if arguments is None else f"({','.join(map(show, arguments))})"
