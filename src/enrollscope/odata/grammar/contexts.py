"""The fragments of context URLs (ABNF section 3, contextFragment): `events/$entity`, `events(id,name)`, `$ref`."""

from enrollscope.odata.grammar.selection import OptionGrammar

_WHOLE = frozenset({"Collection($ref)", "$ref", "Collection(Edm.EntityType)", "Collection(Edm.ComplexType)"})
_OF_CHANGES = ("$deletedEntity", "$deletedLink", "$link")
_OF_PAYLOADS = ("$entity", "$delta")


def context_fragment(grammar: OptionGrammar) -> str:
    """Read what follows the `#`; what its names mean, the model decides.

    Raises:
        SyntaxFault: where reading stopped, and what was expected there.
    """
    text = grammar.text
    if text in _WHOLE:
        grammar.position = len(text)
        return text
    if text.startswith("Collection("):
        grammar.type_name()
    elif "." not in grammar.dotted("an entity set, a singleton or a type"):
        _path(grammar)
        return text
    if grammar.peek() == "(":
        select_list(grammar)
    return text


def _path(grammar: OptionGrammar) -> None:
    """What follows the name of an entity set or a singleton."""
    selected = False
    while grammar.position < len(grammar.text):
        if grammar.peek() == "(":
            selected = not _read_key(grammar)
            if selected:
                select_list(grammar)
            continue
        grammar.need("/")
        if grammar.peek() == "$":
            endings = _OF_PAYLOADS if selected else (*_OF_PAYLOADS, *_OF_CHANGES)
            if not any(grammar.skip(ending) for ending in endings):
                raise grammar.expected(f"one of {', '.join(endings)}")
            return
        if selected:
            raise grammar.expected(f"one of {', '.join(_OF_PAYLOADS)}")
        grammar.dotted("a property, a type or '$'")


def _read_key(grammar: OptionGrammar) -> bool:
    """Step over a key, which a name must follow; else nothing is read."""
    start = grammar.position
    text, depth, quoted = grammar.text, 0, False
    for place in range(start, len(text)):
        character = text[place]
        quoted ^= character == "'"
        depth += 0 if quoted else (character == "(") - (character == ")")
        if not depth and not quoted:
            if text.startswith("/", place + 1) and not text.startswith("/$", place + 1):
                grammar.arguments(literal=True)
                return True
            return False
    return False


def select_list(grammar: OptionGrammar) -> str:
    """SelectList."""
    start = grammar.position
    grammar.enter()
    grammar.need("(")
    if not grammar.skip(")"):
        _select_list_item(grammar)
        while grammar.skip(","):
            _select_list_item(grammar)
        grammar.need(")")
    grammar.depth -= 1
    return grammar.text[start : grammar.position]


def _select_list_item(grammar: OptionGrammar) -> None:
    if grammar.skip("*"):
        return
    while True:
        if grammar.peek() == "@":
            grammar.annotation()
        else:
            grammar.dotted("a property or '*'")
        if grammar.skip(".*"):
            return
        if not grammar.skip("/"):
            break
    grammar.skip("+")
    if grammar.peek() == "(":
        select_list(grammar)
