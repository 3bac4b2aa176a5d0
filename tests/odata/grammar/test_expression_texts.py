"""Expressions made at random, written as text, read back."""

from hypothesis import given
from hypothesis import strategies as st

from enrollscope.odata.edm.literals import write_quoted
from enrollscope.odata.grammar.expr import (
    Array,
    Binary,
    BinaryOperator,
    Call,
    Case,
    Expr,
    Lambda,
    ListExpr,
    Literal,
    Logical,
    Name,
    Path,
    Qualified,
    Segment,
    TypeCall,
    TypeName,
    Unary,
)
from enrollscope.odata.grammar.option_values import parse_filter
from enrollscope.odata.parser import parse

NAMES = st.sampled_from(["a", "bc", "android", "nullable", "order", "eq", "contains", "INFO", "_x1", "äöü"])
OPERATORS: list[BinaryOperator] = ["eq", "ne", "gt", "ge", "lt", "le", "add", "sub", "mul", "div", "divby", "mod"]

LITERALS = st.one_of(
    st.just(Literal("null", None)),
    st.booleans().map(lambda value: Literal("boolean", value)),
    st.integers(-(2**63), 2**63 - 1).map(lambda value: Literal("integer", value)),
    st.text(st.characters(codec="utf-8"), max_size=10).map(lambda value: Literal("string", value)),
    st.uuids().map(lambda value: Literal("guid", value)),
    st.dates().map(lambda value: Literal("date", value)),
)
PATHS = st.builds(
    lambda cast, names: Path((*cast, *(Name(name) for name in names))),
    st.sampled_from([(), (Qualified("ns.t"),)]),
    st.lists(NAMES, min_size=1, max_size=3),
)


def compound(parts: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    """Expressions made of others."""
    return st.one_of(
        st.builds(Binary, st.sampled_from(OPERATORS), parts, parts),
        st.builds(
            lambda left, items: Binary("in", left, ListExpr(tuple(items))), parts, st.lists(LITERALS, max_size=3)
        ),
        st.builds(Unary, st.sampled_from(["not", "-"]), parts),
        st.builds(
            lambda kind, items: Logical(kind, tuple(items)),
            st.sampled_from(["and", "or"]),
            st.lists(parts, min_size=2, max_size=4),
        ),
        st.builds(lambda left, right: Call("contains", (left, right)), parts, parts),
        st.builds(lambda branches: Case(tuple(branches)), st.lists(st.tuples(parts, parts), min_size=1, max_size=2)),
        st.builds(lambda operand: TypeCall("cast", operand, TypeName("Edm.String")), parts),
        st.builds(lambda items: Array(tuple(items)), st.lists(parts, max_size=3)),
        st.builds(lambda predicate: Path((Name("items"), Lambda("any", "x", predicate))), parts),
    )


EXPRESSIONS: st.SearchStrategy[Expr] = st.recursive(LITERALS | PATHS, compound, max_leaves=12)


def written(node: Expr) -> str:
    """The text of an expression, with parentheses around every operand."""
    match node:
        case Binary("in", left, right):
            return f"({written(left)}) in {written(right)}"
        case Binary(operator, left, right):
            return f"({written(left)}) {operator} ({written(right)})"
        case Unary(operator, operand):
            return f"{operator} ({written(operand)})"
        case Logical(operator, operands):
            return f" {operator} ".join(f"({written(operand)})" for operand in operands)
        case Call(function, arguments):
            return f"{function}({','.join(map(written, arguments))})"
        case Case(branches):
            return f"case({','.join(f'{written(condition)} : {written(value)}' for condition, value in branches)})"
        case TypeCall(function, operand, kind):
            return f"{function}({'' if operand is None else written(operand)},{kind.name})"
        case _:
            return written_simply(node)


def written_simply(node: Expr) -> str:
    """The text of an expression without operators."""
    match node:
        case Literal("string", str(text)):
            return write_quoted(text)
        case Literal("null" | "boolean", value):
            return "null" if value is None else str(value).lower()
        case Literal(_, value):
            return str(value)
        case Path(segments):
            return "/".join(map(segment_text, segments))
        case ListExpr(items):
            return f"({','.join(map(written, items))})"
        case Array(items):
            return f"[{','.join(map(written, items))}]"
        case _:
            raise NotImplementedError(type(node).__name__)


def segment_text(segment: Segment) -> str:
    """A segment of a path without keys."""
    match segment:
        case Lambda(quantifier, variable, predicate) if predicate is not None:
            return f"{quantifier}({variable}:{written(predicate)})"
        case Name(name) | Qualified(name):
            return name
        case _:
            raise NotImplementedError(type(segment).__name__)


@given(EXPRESSIONS)
def test_a_written_expression_reads_as_itself(node: Expr) -> None:
    """Whatever operands are combined, the text of a tree gives that tree again."""
    assert parse_filter(written(node)) == node


@given(EXPRESSIONS)
def test_encoding_changes_nothing(node: Expr) -> None:
    """Percent-encoding every character of an expression leaves its meaning as it is."""
    raw = "".join(f"%{byte:02X}" for byte in written(node).encode())
    assert parse("commonExpr", raw) == node
