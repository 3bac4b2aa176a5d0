"""Text of a query to nodes: the entry points of the grammars.

`parse_filter` and its siblings read the values of query options, which are decoded already. `parse` reads any rule of
the ABNF by its name, from text as it stands in a URL.
"""

from collections.abc import Callable
from typing import TypeVar

from enrollscope.odata.clauses import ExpandItem, SelectItem
from enrollscope.odata.expr import ComputeItem, Expr, OrderByItem, Search
from enrollscope.odata.lexer import Encoded, Names
from enrollscope.odata.rules import URL_RULES, VALUE_RULES
from enrollscope.odata.selection import OptionGrammar
from enrollscope.odata.transformations import Transformation
from enrollscope.odata.urls import WHOLE_URL_RULES

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


def parse(rule: str, text: str, *, names: Names | None = None) -> object:
    """Read text by a rule of the OData ABNF or its data aggregation extension.

    Args:
        rule: the name of the rule, such as `boolCommonExpr` or `resourcePath`.
        text: as it stands in a URL: percent-encoded where it must be. Rules named …Value read it as it is.
        names: for the few texts that only a model can decide, the declared names by ABNF rule (`entitySetName`, …).

    Returns:
        The node, or for rules of several parts a tuple of nodes.

    Raises:
        SyntaxFault: the text does not match; `position` counts the characters read before the fault.
        ValueError: there is no such rule.
    """
    clause = f"Invalid {rule}"
    if (whole := WHOLE_URL_RULES.get(rule)) is not None:
        return whole(text, names)
    if (read := VALUE_RULES.get(rule)) is not None:
        grammar = OptionGrammar(text, clause, names=names)
    elif (read := URL_RULES.get(rule)) is not None:
        encoded = Encoded.decode(text)
        grammar = OptionGrammar(encoded.text, clause, names=names, encoded=encoded)
    else:
        raise ValueError(f"no rule of the ABNF that this parser knows is named {rule!r}")
    node = read(grammar)
    grammar.end()
    return node
