"""Bytes of a request body to a JSON value, strictly: what two parsers could read differently is refused."""

import json
import re
from functools import lru_cache
from typing import Any

import msgspec

from enrollscope.odata.errors import BadRequest

_UNREADABLE = (
    "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
)
_MAX_DEPTH = 64
_MAX_DIGITS = 64
_HALF = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


class _DuplicateName(ValueError):
    pass


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = set(found)
        for name, _ in pairs:
            if name not in names:
                raise _DuplicateName(name)
            names.remove(name)
    return found


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits is longer than any property takes")
    return int(digits)


_STRICT = msgspec.json.Decoder()
_UNIQUE_NAMES = json.JSONDecoder(object_pairs_hook=_unique, parse_int=_integer)


@lru_cache(64)
def check_content_type(content_type: str) -> None:
    """Check that a write request says it carries JSON; an empty text is no header.

    Raises:
        BadRequest: no `Content-Type`, or another one; in Graph's words (contract §3.7, §12 row 32).
    """
    if not content_type.strip():
        raise BadRequest(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration.", target="Content-Type"
        )
    media_type, _, parameters = content_type.partition(";")
    if media_type.strip().lower() != "application/json":
        raise BadRequest("Entity only allows writes with a JSON Content-Type header.", target="Content-Type")
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8", "us-ascii"}:
            raise BadRequest(f"The payload must be in UTF-8, not {value.strip()[:40]}.", target="Content-Type")


def read_json(body: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        BadRequest: not UTF-8, not JSON (NaN and lone surrogates are not), a name twice in one object, nested too deep,
            or a number too long to mean anything. The position is told where it is known.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequest(f"{_UNREADABLE} It is not UTF-8: byte {error.start} begins no character.") from error
    try:
        _check_depth(text)
        # msgspec is strict where the standard library is lax (NaN, lone surrogates); it forgives repeated names,
        # which the second reading refuses where they cannot be ruled out.
        value = _STRICT.decode(body)
        return value if _is_plain(value, text) else _UNIQUE_NAMES.decode(text)
    except _DuplicateName as error:
        raise BadRequest(f"{_UNREADABLE} The name '{error}' occurs twice in one object.", target=str(error)) from error
    except (msgspec.DecodeError, ValueError) as error:
        problem = "It holds half of a surrogate pair, which is no character." if _has_half(text) else str(error)[:200]
        raise BadRequest(f"{_UNREADABLE} {problem}") from error


def _has_half(text: str) -> bool:
    """Whether one of two escapes that make a character together stands alone (RFC 8259 §8.2)."""
    return _HALF.search(text.replace(r"\\", "")) is not None


def _is_plain(value: Any, text: str) -> bool:
    """Whether a decoded text is an object of nothing but strings and nulls, and has no name twice.

    Without a backslash every string has two quotation marks and no more; a repeated name is one string too many.
    """
    if type(value) is not dict or "\\" in text:
        return False
    strings = len(value)
    for item in value.values():
        if type(item) is str:
            strings += 1
        elif item is not None:
            return False
    return text.count('"') == 2 * strings


def _check_depth(text: str) -> None:
    """Refuse nesting that no model needs before anything recurses into it."""
    if text.count("[") + text.count("{") <= _MAX_DEPTH:
        return
    depth = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            depth += 1
            if depth > _MAX_DEPTH:
                raise ValueError(f"it is nested more than {_MAX_DEPTH} levels deep")
        elif character in "]}":
            depth -= 1
