"""Rules of the ABNF that span more than one encoded part: whole URLs, resource paths, query strings.

They are cut at `/`, `?`, `&` and `=` before anything is decoded. The service itself reads paths with
`path.parse_path` and queries with `options.parse_options`, which leave to the model what these rules refuse by form.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import NoReturn, TypeAlias

from enrollscope.odata.errors import SyntaxFault
from enrollscope.odata.grammar.clauses import AliasOption, CustomOption, ExpandOption, Option, SelectOption, TextOption
from enrollscope.odata.grammar.contexts import context_fragment
from enrollscope.odata.grammar.expr import FilterSegment
from enrollscope.odata.grammar.lexer import Encoded, Names
from enrollscope.odata.grammar.path import PathSegment, path_pieces, read_segment
from enrollscope.odata.grammar.selection import OptionGrammar

WholeRule: TypeAlias = Callable[[str, Names | None], object]

WITHOUT_DOLLAR = frozenset(
    {
        *("apply", "compute", "count", "expand", "filter", "format", "id", "index"),
        *("orderby", "schemaversion", "search", "select", "skip", "top"),
    }
)
"""System query options that may be written without `$`; the two tokens may not."""
WITH_DOLLAR = WITHOUT_DOLLAR | {"deltatoken", "skiptoken"}

_SCHEME = re.compile(r"https?", re.IGNORECASE)
_REGISTERED_NAME = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*")
_FUTURE_ADDRESS = re.compile(r"v[0-9A-Fa-f]+\.[A-Za-z0-9\-._~!$&'()*+,;=:]+", re.IGNORECASE)
_KEY_SEGMENT = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@\x80-\U0010FFFF]|%[0-9A-Fa-f]{2})*")
_PORT = re.compile(r":[0-9]*")
_FIRST = re.compile(r"[^\W\d]\w*")
_CUSTOM = re.compile(r"[^\udfff&=@$][^\udfff&=]*")
_LAST_SEGMENTS = frozenset({"$count", "$ref", "$value", "$query"})
_KNOWN_SEGMENTS = _LAST_SEGMENTS | {"$each", "$filter"}


@dataclass(frozen=True, slots=True)
class RelativeUri:
    """What follows the service root.

    Attributes:
        context: the fragment, decoded, where this is a context URL.
    """

    path: tuple[PathSegment, ...]
    options: tuple[Option, ...] = ()
    context: str | None = None


@dataclass(frozen=True, slots=True)
class AbsoluteUri:
    """A service root, with its last slash, and what follows it."""

    service_root: str
    relative: RelativeUri | None


def _fault(rule: str, expected: str, position: int, text: str) -> NoReturn:
    raise SyntaxFault(
        f"Invalid {rule}: expected {expected} at position {position} in '{text[:200]}'.", position=position
    )


def _resource_path(text: str, names: Names | None, offset: int = 0) -> tuple[PathSegment, ...]:
    """ResourcePath."""
    segments: list[PathSegment] = []
    position = 0
    for piece in path_pieces(text):
        at = offset + position
        if segments and segments[-1].name in _LAST_SEGMENTS:
            _fault("resource path", f"nothing behind {segments[-1].name}", at - 1, text)
        if not segments:
            _require_first(piece, at)
        elif not piece:
            _fault("resource path", "a segment", at, text)
        segment = read_segment(piece, at, names=names, strict=True)
        if segments:
            _require_following(segments[-1], segment, names)
        segments.append(segment)
        position += len(piece) + 1
    return tuple(segments)


def _require_first(piece: str, position: int) -> None:
    """Refuse a first segment that is neither a name nor `$all` or `$crossjoin(…)`."""
    text = Encoded.decode(piece).text
    if text == "$all" or text.startswith("$crossjoin("):
        return
    match = _FIRST.match(text)
    if match is None:
        _fault("resource path", "an entity set, a singleton, or an operation import", position, piece)
    if match.end() < len(text) and text[match.end()] != "(":
        _fault("resource path", "'(', '/' or the end", position + match.end(), piece)


def _require_following(before: PathSegment, segment: PathSegment, names: Names | None) -> None:
    """Refuse what cannot stand behind the segment before."""
    end = segment.position + len(segment.text)
    if segment.text.startswith("$") and segment.name not in _KNOWN_SEGMENTS:
        _fault("resource path", f"one of {', '.join(sorted(_KNOWN_SEGMENTS))}", segment.position, segment.text)
    if "." in segment.text and segment.text == before.text:
        _fault("resource path", "a property or operation: a cast to the same type says nothing", end, segment.text)
    if segment.name == "$value" and names is not None and before.name in names.get("complexProperty", ()):
        _fault("resource path", "a property: a complex value has no $value", segment.position, segment.text)


def _property_path(text: str, names: Names | None) -> tuple[PathSegment, ...]:
    """PropertyPath."""
    if _FIRST.match(Encoded.decode(text).text) is None:
        _fault("property path", "a property", 0, text)
    return _resource_path(text, names)


def _crossjoin(text: str, names: Names | None) -> PathSegment:
    """Crossjoin."""
    if not text.startswith("$crossjoin"):
        _fault("crossjoin", "'$crossjoin'", 0, text)
    segment = read_segment(text, 0, names=names, strict=True)
    if segment.arguments is None:
        _fault("crossjoin", "'('", len("$crossjoin"), text)
    return segment


def _filter_in_path(text: str, names: Names | None) -> FilterSegment:
    """FilterInPath."""
    if not text.startswith("/$filter"):
        _fault("filter in a path", "'/$filter'", 0, text)
    grammar = _grammar(text, names, 0)
    grammar.position = len("/$filter")
    grammar.need("(")
    predicate = grammar.expression()
    grammar.need(")")
    grammar.end()
    return FilterSegment(predicate, None, 0)


def _key_path_segments(text: str, _names: Names | None) -> tuple[str, ...]:
    """KeyPathSegments, decoded."""
    if not text.startswith("/"):
        _fault("key as segments", "'/'", 0, text)
    Encoded.decode(text)
    keys: list[str] = []
    position = 1
    for piece in text[1:].split("/"):
        match = _KEY_SEGMENT.match(piece)
        end = 0 if match is None else match.end()
        if end < len(piece):
            _fault("key as segments", "a percent-encoded character", position + end, text)
        keys.append(Encoded.decode(piece).text)
        position += len(piece) + 1
    return tuple(keys)


def _entity_cast_options(text: str, names: Names | None) -> tuple[Option, ...]:
    """EntityCastOptions."""
    position = 0
    for part in text.split("&"):
        option = _query_option(part, names, position)
        if not isinstance(option, CustomOption | ExpandOption | SelectOption) and not (
            isinstance(option, TextOption) and option.name in ("format", "id")
        ):
            _fault("options", "one of $expand, $format, $id, $select", position, text)
        position += len(part) + 1
    options = _query_options(text, names)
    if not any(isinstance(each, TextOption) and each.name == "id" for each in options):
        _fault("options", "$id", len(text), text)
    return options


def _query_options(text: str, names: Names | None, offset: int = 0) -> tuple[Option, ...]:
    """queryOptions; an option given twice is for the service to refuse."""
    options: list[Option] = []
    position = 0
    for part in text.split("&"):
        options.append(_query_option(part, names, offset + position))
        position += len(part) + 1
    return tuple(options)


def _query_option(text: str, names: Names | None, offset: int = 0) -> Option:
    """QueryOption."""
    if text.startswith("@") or text[:3] == "%40":
        grammar = _grammar(text, names, offset)
        alias: AliasOption = grammar.alias_option()
        grammar.end()
        return alias
    name = text.partition("=")[0].lower()
    if not text.startswith("$") and (name not in WITHOUT_DOLLAR or "=" not in text):
        return _custom_query_option(text, names, offset)
    grammar = _grammar(text, names, offset)
    grammar.skip("$")
    name = grammar.identifier("a query option").lower()
    if name not in WITH_DOLLAR:
        raise grammar.refused(f"there is no query option '${name}'", 0)
    grammar.need("=")
    option = grammar.option(name, 0)
    grammar.end("an operator, a comma or the end")
    return option


def _custom_query_option(text: str, names: Names | None, offset: int = 0) -> CustomOption:
    """CustomQueryOption."""
    raw_name, equals, raw_value = text.partition("=")
    name = Encoded.decode(raw_name).text
    match = _CUSTOM.match(name)
    if match is None or match.end() < len(name):
        _fault("query option", "the name of an option", offset + (match.end() if match is not None else 0), text)
    if not equals:
        return CustomOption(name, None, offset)
    grammar = _grammar(raw_value, names, offset + len(raw_name) + 1)
    value = grammar.text_option("custom", 0).text if raw_value else ""
    return CustomOption(name, value, offset)


def _grammar(text: str, names: Names | None, offset: int) -> OptionGrammar:
    encoded = Encoded.decode(text)
    return OptionGrammar(encoded.text, "Invalid query option", names=names, encoded=encoded, offset=offset)


def _relative_uri(text: str, names: Names | None, offset: int = 0) -> RelativeUri:
    """OdataRelativeUri."""
    context: str | None = None
    if text.startswith("$metadata"):
        text, number_sign, _ = whole = text.partition("#")
        if number_sign:
            context = _context("".join(whole[1:]), names, offset + len(text))
    path, question, query = text.partition("?")
    at = offset + len(path) + 1
    first, _, rest = path.partition("/")
    if first in ("$batch", "$metadata", "$entity"):
        segments = [PathSegment(first, first, None, None, offset)]
        if rest:
            if first != "$entity":
                _fault("URL", "'?' or the end", offset + len(first), text)
            segments.append(read_segment(rest, offset + len(first) + 1, names=names, strict=True))
        options = _query_options(query, names, at) if query else ()
        if first == "$entity" and not any(isinstance(each, TextOption) and each.name == "id" for each in options):
            _fault("URL", "$id", offset + len(text), text)
        return RelativeUri(tuple(segments), options, context)
    segments_of_path = _resource_path(path, names, offset)
    return RelativeUri(segments_of_path, _query_options(query, names, at) if question and query else ())


def _context(text: str, names: Names | None, offset: int = 0) -> str:
    """Context."""
    if not text.startswith("#"):
        _fault("context", "'#'", offset, text)
    grammar = _grammar(text[1:], names, offset + 1)
    fragment = context_fragment(grammar)
    grammar.end()
    return fragment


def _absolute_uri(text: str, names: Names | None) -> AbsoluteUri:
    """odataUri; the service root ends where the first segment is that cannot belong to it, or before the last."""
    match = _SCHEME.match(text)
    if match is None:
        _fault("URL", "'http' or 'https'", 0, text)
    if not text.startswith("://", match.end()):
        _fault("URL", "'://'", match.end(), text)
    start = _authority(text, match.end() + 3)
    if not text.startswith("/", start):
        _fault("URL", "'/'", start, text)
    path = text[start + 1 :].partition("?")[0]
    segments = path.split("/")
    root_segments = len(segments) - 1
    for index, segment in enumerate(segments):
        if segment.startswith("$") or "(" in segment or _declared(segment, names):
            root_segments = index
            break
    root_length = start + 1 + sum(len(segment) + 1 for segment in segments[:root_segments])
    rest = text[root_length:]
    return AbsoluteUri(text[:root_length], _relative_uri(rest, names, root_length) if rest else None)


def _declared(name: str, names: Names | None) -> bool:
    return names is not None and (name in names.get("entitySetName", ()) or name in names.get("singletonEntity", ()))


def _authority(text: str, start: int) -> int:
    """Read host and port; return where the path begins."""
    if text.startswith("[", start):
        end = text.find("]", start)
        if end < 0 or not _is_ip_literal(text[start + 1 : end]):
            _fault("URL", "an IP address in brackets", start + 1, text)
        position = end + 1
    else:
        host = _REGISTERED_NAME.match(text, start)
        position = host.end() if host is not None else start
        if position == start:
            _fault("URL", "a host", start, text)
    port = _PORT.match(text, position)
    return port.end() if port is not None else position


def _is_ip_literal(text: str) -> bool:
    if _FUTURE_ADDRESS.fullmatch(text) is not None:
        return True
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True


WHOLE_URL_RULES: Mapping[str, WholeRule] = MappingProxyType(
    {
        "odataUri": _absolute_uri,
        "odataRelativeUri": _relative_uri,
        "resourcePath": _resource_path,
        "queryOptions": _query_options,
        "batchOptions": _query_options,
        "metadataOptions": _query_options,
        "entityOptions": _query_options,
        "entityCastOptions": _entity_cast_options,
        "context": _context,
        "propertyPath": _property_path,
        "crossjoin": _crossjoin,
        "filterInPath": _filter_in_path,
        "keyPathSegments": _key_path_segments,
        "queryOption": _query_option,
        "customQueryOption": _custom_query_option,
    }
)
