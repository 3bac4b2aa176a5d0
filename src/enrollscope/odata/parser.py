"""Text to nodes by any rule of the ABNF, as it stands in a URL: `parse` is the entry to all of the grammar.

Requests take shorter ways: `options` and `path` know which rule they are to read.
"""

from enrollscope.odata.grammar.lexer import Encoded, Names
from enrollscope.odata.grammar.rules import URL_RULES, VALUE_RULES
from enrollscope.odata.grammar.selection import OptionGrammar
from enrollscope.odata.grammar.urls import WHOLE_URL_RULES


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
