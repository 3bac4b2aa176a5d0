"""What a client asks for in headers: representation, preferences, protocol version.

Each header is read by a pure function of its text, so the few spellings that clients really send are read once and
remembered.
"""

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from enrollscope.odata.errors import BadRequest, NotAcceptable

_REMEMBERED = 512
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})\s*(?:=\s*({_WORD}|"(?:[^"\\]|\\.)*"))?')
_MEDIA_RANGE = re.compile(rf"\s*({_WORD})/({_WORD})")
_PREFERENCE = re.compile(rf'\s*({_WORD})\s*(?:=\s*({_WORD}|"(?:[^"\\]|\\.)*"))?')


class MetadataLevel(Enum):
    """How much control information an answer carries (OData JSON 4.01 §3.1)."""

    NONE = "none"
    MINIMAL = "minimal"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """One representation of the JSON format.

    Attributes:
        ieee754_compatible: Int64, Decimal and counts as strings.
    """

    level: MetadataLevel = MetadataLevel.MINIMAL
    ieee754_compatible: bool = False

    @property
    def content_type(self) -> str:
        """As Graph spells it (contract §3.1)."""
        compatible = "true" if self.ieee754_compatible else "false"
        return (
            f"application/json;odata.metadata={self.level.value};odata.streaming=true;"
            f"IEEE754Compatible={compatible};charset=utf-8"
        )


@dataclass(frozen=True, slots=True)
class _Range:
    """A media range of `Accept`."""

    type: str
    subtype: str
    parameters: tuple[tuple[str, str], ...]
    quality: float


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


def _ranges(accept: str) -> tuple[_Range, ...]:
    """Read a list of media ranges; what cannot be read is passed over, as RFC 9110 §12.5.1 lets a server do."""
    found = []
    for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', accept):
        start = _MEDIA_RANGE.match(part)
        if start is None:
            continue
        quality, parameters = 1.0, []
        for match in _PARAMETER.finditer(part, start.end()):
            name, value = match[1].lower(), _unquoted(match[2] or "").lower()
            if name == "q":
                try:
                    quality = min(1.0, float(value))
                except ValueError:
                    quality = 0.0
            else:
                parameters.append((name.removeprefix("odata."), value))
        found.append(_Range(start[1].lower(), start[2].lower(), tuple(parameters), quality))
    return tuple(found)


def _json_format(item: _Range) -> JsonFormat | None:
    """The format that a media range asks for, or `None` where JSON does not match it."""
    if (item.type, item.subtype) not in {("*", "*"), ("application", "*"), ("application", "json")}:
        return None
    level, compatible = MetadataLevel.MINIMAL, False
    if item.subtype != "json":
        return JsonFormat()
    for name, value in item.parameters:
        if name == "metadata":
            if value not in {"none", "minimal", "full"}:
                return None
            level = MetadataLevel(value)
        elif name == "ieee754compatible":
            if value not in {"true", "false"}:
                return None
            compatible = value == "true"
        elif name == "charset" and value not in {"utf-8", "utf8", "us-ascii"}:
            return None
    return JsonFormat(level, compatible)


@lru_cache(_REMEMBERED)
def negotiate_json(accept: str) -> JsonFormat:
    """Choose the JSON representation for an `Accept` header; an empty one accepts everything.

    Of the ranges that JSON matches the one with the highest quality wins, the first of equal ones, an exact type
    before a wildcard of the same quality.

    Raises:
        NotAcceptable: the header excludes JSON.
    """
    if not accept.strip():
        return JsonFormat()
    best: tuple[float, int] | None = None
    chosen = JsonFormat()
    for item in _ranges(accept):
        candidate = _json_format(item)
        if candidate is None or item.quality <= 0:
            continue
        rank = (item.quality, 1 if item.subtype == "json" else 0)
        if best is None or rank > best:
            best, chosen = rank, candidate
    if best is None:
        raise NotAcceptable(
            f"None of the formats in 'Accept: {accept[:200]}' can be produced here; "
            "ask for application/json, with odata.metadata=none, minimal or full.",
            target="Accept",
        )
    return chosen


@lru_cache(_REMEMBERED)
def accepts(accept: str, media_type: str) -> bool:
    """Tell whether an `Accept` header lets `media_type`, such as `application/xml`, through."""
    if not accept.strip():
        return True
    kind, _, subtype = media_type.partition("/")
    matching = [item for item in _ranges(accept) if item.type in {"*", kind} and item.subtype in {"*", subtype}]
    return any(item.quality > 0 for item in matching)


@dataclass(frozen=True, slots=True)
class Preferences:
    """What `Prefer` asks for (RFC 7240; OData Protocol 4.01 §8.2.8). Preferences that are not known are not here.

    Attributes:
        representation: `return=representation` or `return=minimal`; `None` where the client did not say.
        page_size: `odata.maxpagesize`.
        include_unknown: `include-unknown-enum-members` (contract §3.6).
    """

    representation: bool | None = None
    page_size: int | None = None
    include_unknown: bool = False


@lru_cache(_REMEMBERED)
def read_preferences(prefer: str) -> Preferences:
    """Read `Prefer`. A preference that makes no sense is as good as none; the first of equal names counts."""
    seen: dict[str, str] = {}
    for part in re.split(r',(?=(?:[^"]*"[^"]*")*[^"]*$)', prefer):
        match = _PREFERENCE.match(part)
        if match is not None:
            seen.setdefault(match[1].lower().removeprefix("odata."), _unquoted(match[2] or ""))
    size = seen.get("maxpagesize", "")
    choice = {"representation": True, "minimal": False}.get(seen.get("return", "").lower())
    return Preferences(
        representation=choice,
        page_size=int(size) if re.fullmatch(r"[1-9][0-9]{0,8}", size) else None,
        include_unknown="include-unknown-enum-members" in seen,
    )


@lru_cache(_REMEMBERED)
def check_versions(max_version: str, version: str) -> None:
    """Check `OData-MaxVersion` and `OData-Version`; empty where absent.

    Raises:
        BadRequest: a version that is none, a maximum below 4.0, or a payload of a version that is neither 4.0 nor 4.01.
    """
    for name, text in (("OData-MaxVersion", max_version), ("OData-Version", version)):
        if text and re.fullmatch(r"[0-9]+\.[0-9]+", text.strip()) is None:
            raise BadRequest(
                f"The header {name} must be a version such as 4.0 or 4.01, not '{text[:40]}'.", target=name
            )
    if max_version and float(max_version) < 4.0:
        raise BadRequest(
            "This service answers in OData 4.0 and later; OData-MaxVersion must not be lower.",
            target="OData-MaxVersion",
        )
    if version and version.strip() not in {"4.0", "4.01"}:
        raise BadRequest("OData-Version of a request must be 4.0 or 4.01.", target="OData-Version")
