"""What a client asks for in headers: representation, preferences, protocol version.

Each header is read by a pure function of its text, so the few spellings that clients really send are read once and
remembered.
"""

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache

from enrollscope.odata.errors import BadRequest, NotAcceptable

_REMEMBERED = 512
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
# In linear time for every input: a quoted string that does not end takes the rest.
_PART = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.?)*+(?:"|$))+', re.DOTALL)
_PARAMETER = re.compile(rf'\s*;\s*({_WORD})\s*(?:=\s*({_WORD}|"(?:[^"\\]|\\.)*"))?')
_MEDIA_RANGE = re.compile(rf"\s*({_WORD})/({_WORD})")
_QUALITY = re.compile(r"[0-9]*\.?[0-9]+|[0-9]+\.")
_UTF_8 = frozenset({"utf-8", "utf8"})
_PREFERENCE = re.compile(rf'\s*({_WORD})\s*(?:=\s*({_WORD}|"(?:[^"\\]|\\.)*"))?')


class ProtocolVersion(StrEnum):
    """The versions of OData in which answers are given (OData Protocol 4.01 §8.2.7)."""

    V4 = "4.0"
    V401 = "4.01"


class MetadataLevel(StrEnum):
    """How much control information an answer carries (OData JSON 4.01 §3.1)."""

    NONE = "none"
    MINIMAL = "minimal"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class JsonFormat:
    """One representation of the JSON format.

    Attributes:
        ieee754_compatible: Int64, Decimal and counts as strings.
        version: 4.01 drops `odata.` from control information and from format parameters (OData JSON 4.01 §4.6).
        prefix: what the names of control information begin with.
        content_type: as Graph spells it (contract §3.1); no two formats have the same.
    """

    level: MetadataLevel = MetadataLevel.MINIMAL
    ieee754_compatible: bool = False
    version: ProtocolVersion = ProtocolVersion.V4
    prefix: str = field(init=False, compare=False)
    content_type: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        odata = "odata." if self.version is ProtocolVersion.V4 else ""
        compatible = "true" if self.ieee754_compatible else "false"
        object.__setattr__(self, "prefix", f"@{odata}")
        object.__setattr__(
            self,
            "content_type",
            f"application/json;{odata}metadata={self.level};{odata}streaming=true;"
            f"IEEE754Compatible={compatible};charset=utf-8",
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
    for part in _PART.findall(accept):
        start = _MEDIA_RANGE.match(part)
        if start is None:
            continue
        quality, parameters = 1.0, []
        for match in _PARAMETER.finditer(part, start.end()):
            name, value = match[1].lower(), _unquoted(match[2] or "").lower()
            if name == "q":
                quality = _quality(value)
            else:
                parameters.append((name.removeprefix("odata."), value))
        found.append(_Range(start[1].lower(), start[2].lower(), tuple(parameters), quality))
    return tuple(found)


_EXACT, _TOLERATED, _WILDCARD = 3, 2, 1
"""How well a media range names what is sent: all of it; all but a parameter that means nothing here; not at all."""


def _json_format(item: _Range, *, any_charset: bool) -> tuple[JsonFormat, int] | None:
    """The format that a media range asks for and how well it names it, or `None` where JSON does not match it.

    A parameter that OData does not define, such as the `odata=verbose` of its older versions, is passed over: clients
    send it together with formats that they can read as well. One that OData defines must have a value that it defines.
    """
    if (item.type, item.subtype) not in {("*", "*"), ("application", "*"), ("application", "json")}:
        return None
    if item.subtype != "json":
        return JsonFormat(), _WILDCARD
    level, compatible, fit = MetadataLevel.MINIMAL, False, _EXACT
    for name, value in item.parameters:
        if name == "metadata":
            if value not in {"none", "minimal", "full"}:
                return None
            level = MetadataLevel(value)
        elif name in {"ieee754compatible", "exponentialdecimals", "streaming"}:
            if value not in {"true", "false"}:
                return None
            compatible = value == "true" if name == "ieee754compatible" else compatible
        elif name == "charset":
            if value not in _UTF_8 and not any_charset:
                return None
        else:
            fit = _TOLERATED
    return JsonFormat(level, compatible), fit


@lru_cache(_REMEMBERED)
def negotiate_json(accept: str, accept_charset: str = "", version: ProtocolVersion = ProtocolVersion.V4) -> JsonFormat:
    """Choose the JSON representation for `Accept` and `Accept-Charset`; an empty header accepts everything.

    Of the ranges that JSON matches the one with the highest quality wins, of equal ones that which names the format
    best, then the first. Where `application/json` is refused, a wildcard does not let it in again (RFC 9110 §12.5.1).
    `Accept-Charset` counts more than a charset within `Accept` (OData Protocol 4.01 §8.2.1).

    Raises:
        NotAcceptable: the headers exclude JSON, or UTF-8.
    """
    _check_charset(accept_charset)
    chosen = JsonFormat()
    if accept.strip():
        best = (0.0, 0)
        refused = False
        for item in _ranges(accept):
            candidate = _json_format(item, any_charset=bool(accept_charset))
            if candidate is None:
                continue
            found, fit = candidate
            if item.quality <= 0:
                refused = refused or (fit == _EXACT and found == JsonFormat())
            elif (item.quality, fit) > best and not (refused and fit == _WILDCARD):
                best, chosen = (item.quality, fit), found
        if best[1] == 0 or (refused and best[1] == _WILDCARD):
            raise NotAcceptable(
                f"None of the formats in 'Accept: {accept[:200]}' can be produced here; "
                "ask for application/json, with odata.metadata=none, minimal or full.",
                target="Accept",
            )
    return chosen if version is ProtocolVersion.V4 else replace(chosen, version=version)


def _check_charset(accept_charset: str) -> None:
    """Refuse `Accept-Charset` without UTF-8: the answers have no other encoding."""
    if not accept_charset.strip():
        return
    named: float | None = None
    others: float | None = None
    for part in accept_charset.split(","):
        name, _, parameter = part.partition(";")
        quality = _quality(parameter.strip().lower().removeprefix("q=")) if parameter.strip() else 1.0
        if name.strip().lower() in _UTF_8:
            named = quality
        elif name.strip() == "*":
            others = quality
    if not (others or 0.0 if named is None else named):
        raise NotAcceptable(
            f"Answers are in UTF-8, which 'Accept-Charset: {accept_charset[:200]}' excludes.", target="Accept-Charset"
        )


def _quality(text: str) -> float:
    """A quality value; what is none counts as a refusal."""
    return min(1.0, float(text)) if _QUALITY.fullmatch(text) else 0.0


@lru_cache(_REMEMBERED)
def liking(accept: str, media_type: str) -> float | None:
    """How well an `Accept` header likes a media type, 0 to 1; `None`: it says nothing of it. An empty one likes all."""
    return _liking(_ranges(accept), media_type) if accept.strip() else 1.0


def _liking(ranges: tuple[_Range, ...], media_type: str) -> float | None:
    """The quality of the narrowest range that matches (RFC 9110 §12.5.1)."""
    kind, _, subtype = media_type.partition("/")
    matching = [
        ((item.type != "*") + (item.subtype != "*"), item.quality)
        for item in ranges
        if item.type in {"*", kind} and item.subtype in {"*", subtype}
    ]
    return max(matching)[1] if matching else None


@lru_cache(_REMEMBERED)
def preferred(accept: str, offered: tuple[str, ...]) -> str | None:
    """Choose the media type that an `Accept` header likes best; an empty one accepts everything.

    Of equally liked ones the first of those offered is taken. `None`: none is liked.
    """
    ranges = _ranges(accept) if accept.strip() else (_Range("*", "*", (), 1.0),)
    best, chosen = 0.0, None
    for media_type in offered:
        quality = _liking(ranges, media_type) or 0.0
        if quality > best:
            best, chosen = quality, media_type
    return chosen


class OmitValues(StrEnum):
    """Values that a client can do without (OData Protocol 4.01 §8.2.8.6)."""

    NULLS = "nulls"
    DEFAULTS = "defaults"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What `Prefer` asks for (RFC 7240; OData Protocol 4.01 §8.2.8). Preferences that are not known are not here.

    Attributes:
        representation: `return=representation` or `return=minimal`; `None` where the client did not say.
        page_size: `maxpagesize`.
        include_unknown: `include-unknown-enum-members` (contract §3.6).
        prefixed: `maxpagesize` came as `odata.maxpagesize`.
    """

    representation: bool | None = None
    page_size: int | None = None
    include_unknown: bool = False
    omit: OmitValues | None = None
    prefixed: bool = True


NO_PREFERENCES = Preferences()


@lru_cache(_REMEMBERED)
def read_preferences(prefer: str) -> Preferences:
    """Read `Prefer`. A preference that makes no sense is as good as none; the first of equal names counts."""
    seen: dict[str, tuple[str, bool]] = {}
    for part in _PART.findall(prefer):
        match = _PREFERENCE.match(part)
        if match is not None:
            name = match[1].lower()
            plain = name.removeprefix("odata.")
            seen.setdefault(plain, (_unquoted(match[2] or ""), plain != name))
    if not seen:
        return NO_PREFERENCES
    nothing = ("", True)
    size, prefixed = seen.get("maxpagesize", nothing)
    omit = seen.get("omit-values", nothing)[0].lower()
    choice = seen.get("return", nothing)[0].lower()
    return Preferences(
        representation={"representation": True, "minimal": False}.get(choice),
        page_size=int(size) if re.fullmatch(r"[1-9][0-9]{0,8}", size) else None,
        include_unknown=seen.get("include-unknown-enum-members", ("false", True))[0].lower() in {"", "true"},
        omit=OmitValues(omit) if omit in {"nulls", "defaults"} else None,
        prefixed=prefixed,
    )


@lru_cache(_REMEMBERED)
def negotiate_version(max_version: str, version: str) -> ProtocolVersion:
    """Choose the version of an answer for `OData-MaxVersion` and `OData-Version`; empty where absent.

    Only who asks for 4.01 or later gets 4.01: Graph clients ask for nothing and read `@odata.` alone.

    Raises:
        BadRequest: a version that is none, a maximum below 4.0, or a payload of a version that is neither 4.0 nor 4.01.
    """
    for name, text in (("OData-MaxVersion", max_version), ("OData-Version", version)):
        if text and re.fullmatch(r"[0-9]{1,4}\.[0-9]{1,4}", text.strip()) is None:
            raise BadRequest(
                f"The header {name} must be a version such as 4.0 or 4.01, not '{text[:40]}'.", target=name
            )
    if version and version.strip() not in {"4.0", "4.01"}:
        raise BadRequest("OData-Version of a request must be 4.0 or 4.01.", target="OData-Version")
    highest = float(max_version or "4.0")
    if highest < 4.0:
        raise BadRequest(
            "This service answers in OData 4.0 and later; OData-MaxVersion must not be lower.",
            target="OData-MaxVersion",
        )
    return ProtocolVersion.V401 if highest >= 4.01 else ProtocolVersion.V4
