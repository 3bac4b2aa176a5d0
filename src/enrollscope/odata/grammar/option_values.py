"""The values of query options to nodes, each by the grammar of its option."""

from collections.abc import Callable
from typing import TypeVar

from enrollscope.odata.grammar.clauses import ExpandItem, SelectItem
from enrollscope.odata.grammar.expr import ComputeItem, Expr, OrderByItem, Search
from enrollscope.odata.grammar.selection import OptionGrammar
from enrollscope.odata.grammar.transformations import Transformation

_Node = TypeVar("_Node")

SELECT_AND_EXPAND = "Parsing OData Select and Expand failed"

_NONE: frozenset[int] = frozenset()


def _value(
    text: str, clause: str, read: Callable[[OptionGrammar], _Node], expected: str, plain: frozenset[int] = _NONE
) -> _Node:
    grammar = OptionGrammar(text.rstrip(" \t"), clause, plain=plain)
    grammar.blanks()
    node = read(grammar)
    grammar.end(expected)
    return node


def parse_filter(text: str, plain: frozenset[int] = _NONE) -> Expr:
    """Read the value of `$filter`; like its siblings below, decoded, blanks around it ignored.

    Args:
        plain: where semicolons stand that did not come percent-encoded.

    Raises:
        SyntaxFault: where reading stopped, and what was expected there.
    """
    return _value(text, "Invalid filter clause", OptionGrammar.expression, "an operator or the end", plain)


def parse_orderby(text: str, plain: frozenset[int] = _NONE) -> tuple[OrderByItem, ...]:
    """Read the value of `$orderby`."""
    return _value(text, "Invalid orderby clause", OptionGrammar.order_by, "'asc', 'desc', a comma or the end", plain)


def parse_select(text: str, plain: frozenset[int] = _NONE) -> tuple[SelectItem, ...]:
    """Read the value of `$select`."""
    return _value(text, SELECT_AND_EXPAND, OptionGrammar.select, "'/', a comma or the end", plain)


def parse_expand(text: str, plain: frozenset[int] = _NONE) -> tuple[ExpandItem, ...]:
    """Read the value of `$expand`."""
    return _value(text, SELECT_AND_EXPAND, OptionGrammar.expand, "'/', '(', a comma or the end", plain)


def parse_compute(text: str, plain: frozenset[int] = _NONE) -> tuple[ComputeItem, ...]:
    """Read the value of `$compute`."""
    return _value(text, "Invalid compute clause", OptionGrammar.compute, "a comma or the end", plain)


def parse_search(text: str, plain: frozenset[int] = _NONE) -> Search:
    """Read the value of `$search`."""
    return _value(text, "Invalid search clause", OptionGrammar.search_value, "a search word or the end", plain)


def parse_apply(text: str, plain: frozenset[int] = _NONE) -> tuple[Transformation, ...]:
    """Read the value of `$apply`."""
    return _value(text, "Invalid apply clause", OptionGrammar.transformations, "'/' or the end", plain)


def parse_alias(name: str, text: str) -> Expr:
    """Read the value of the parameter alias `@name`."""
    clause = f"Invalid value of parameter alias '@{name}'"
    return _value(text, clause, OptionGrammar.expression, "an operator or the end")
