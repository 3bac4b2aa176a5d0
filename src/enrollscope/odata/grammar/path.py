"""The resource path: from the raw text of a URL to segments (URL conventions 4.01 §2, §4; contract §2.1).

Only the model can tell a property from a key written as a segment, so a segment offers both readings: its decoded text,
and a name with what stands in parentheses.
"""

import re
from dataclasses import dataclass, field

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.expr import Argument, Expr, Name, Path
from enrollscope.odata.grammar.lexer import MAX_LENGTH, Encoded, Names
from enrollscope.odata.grammar.selection import OptionGrammar

_PLAIN = re.compile(r"[A-Za-z0-9._~$-]+", re.ASCII)
_CALL = re.compile(r"(\$?[^\W\d][\w.]*)\(")
_MUST_BE_ENCODED = re.compile(r"[\ud800-\udfff]")
_MARK = re.compile(r"/|'|%27|\(|%28|\)|%29")
_QUOTES = frozenset({"'", "%27"})
_OPENING = frozenset({"(", "%28"})


@dataclass(frozen=True, slots=True)
class PathSegment:
    """What stands between two slashes.

    Attributes:
        text: all of it, decoded: the key, where the model wants a key.
        name: what stands before the parentheses; `text` if there are none.
        arguments: a key predicate, function parameters, or the entity sets of `$crossjoin`; None without parentheses.
        predicate: the condition of `$filter(…)`.
        position: characters before the segment in the raw path.
    """

    text: str
    name: str
    arguments: tuple[Argument, ...] | None = None
    predicate: Expr | None = None
    position: int = field(default=0, compare=False)


def parse_path(raw_path: str) -> tuple[PathSegment, ...]:
    """Cut a percent-encoded path into segments; repeated slashes and one at the end mean nothing.

    Slashes are found before decoding, so `%2F` belongs to its segment. Inside `$filter(…)` they need no encoding.

    Raises:
        SyntaxFault: an encoding that is not UTF-8, or parentheses behind a name that hold neither a key nor parameters.
    """
    if len(raw_path) > MAX_LENGTH:
        raise SyntaxFault(f"The resource path is longer than {MAX_LENGTH} characters.", position=MAX_LENGTH)
    segments: list[PathSegment] = []
    position = 0
    for piece in path_pieces(raw_path):
        if piece:
            if _PLAIN.fullmatch(piece) is not None:
                segments.append(PathSegment(piece, piece, None, None, position))
            else:
                segments.append(read_segment(piece, position))
        position += len(piece) + 1
    return tuple(segments)


def path_pieces(raw_path: str) -> list[str]:
    """Cut a raw path at its slashes, those inside `$filter(…)` left out."""
    if "$filter" not in raw_path:
        return raw_path.split("/")
    pieces: list[str] = []
    start = depth = 0
    quoted = False
    for match in _MARK.finditer(raw_path):
        mark = match[0]
        if mark == "/":
            if not depth:
                pieces.append(raw_path[start : match.start()])
                start = match.end()
        elif mark in _QUOTES:
            quoted = not quoted if depth else False
        elif not quoted and mark in _OPENING:
            depth += bool(depth) or raw_path[start : match.start()] == "$filter"
        elif not quoted and depth:
            depth -= 1
    pieces.append(raw_path[start:])
    return pieces


def read_segment(piece: str, position: int, *, names: Names | None = None, strict: bool = False) -> PathSegment:
    """Read what stands between two slashes.

    Args:
        position: characters before it in the raw path.
        strict: refuse a parenthesis behind a name that is not closed, instead of taking all of it for a key.

    Raises:
        SyntaxFault: as `parse_path`.
    """
    try:
        encoded = Encoded.decode(piece)
    except SyntaxFault as fault:
        raise SyntaxFault(fault.message, position=position + (fault.position or 0)) from fault
    text = encoded.text
    if (plain := _MUST_BE_ENCODED.search(text)) is not None:
        at = position + encoded.origins[plain.start()]
        raise SyntaxFault(f"Invalid path: the character at position {at} must be percent-encoded.", position=at)
    match = _CALL.match(text) if strict or text.endswith(")") else None
    if match is None:
        return PathSegment(text, text, None, None, position)
    name = match[1]
    grammar = OptionGrammar(text, f"Invalid path segment '{name}'", names=names, encoded=encoded, offset=position)
    grammar.position = len(name)
    arguments: tuple[Argument, ...] | None = None
    predicate: Expr | None = None
    if name == "$filter":
        grammar.need("(")
        predicate = grammar.expression()
        grammar.need(")")
        arguments = grammar.arguments(literal=True) if grammar.peek() == "(" else None
    elif name == "$crossjoin":
        arguments = _entity_sets(grammar)
    else:
        arguments = grammar.arguments(literal=True)
    grammar.end("'/' or the end")
    return PathSegment(text, name, arguments, predicate, position)


def _entity_sets(grammar: OptionGrammar) -> tuple[Argument, ...]:
    grammar.need("(")
    names: list[Argument] = []
    while True:
        start = grammar.position
        names.append(Argument(None, Path((Name(grammar.identifier("an entity set"), None, start),), start), start))
        if not grammar.comma():
            break
    grammar.need(")")
    return tuple(names)
