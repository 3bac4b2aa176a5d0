"""The query string: which options there are, each decoded (URL conventions 4.01 §5; contract §4.2, §4.5)."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar
from urllib.parse import unquote_to_bytes

from enrollscope.odata.errors import BadRequest, SyntaxFault
from enrollscope.odata.grammar.clauses import ExpandItem, SelectItem
from enrollscope.odata.grammar.expr import ComputeItem, Expr, OrderByItem, Search
from enrollscope.odata.grammar.option_values import (
    parse_alias,
    parse_apply,
    parse_compute,
    parse_expand,
    parse_filter,
    parse_orderby,
    parse_search,
    parse_select,
)
from enrollscope.odata.grammar.transformations import Transformation
from enrollscope.odata.grammar.urls import WITH_DOLLAR, WITHOUT_DOLLAR

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ZONE_PLUS = re.compile(
    r"(?i)([0-9](?::|%3A)[0-9]{2}(?:(?::|%3A)[0-9]{2}(?:\.[0-9]+)?)?)\+(?=[0-9]{2}(?::|%3A)[0-9]{2})"
)
_NAME = r"[A-Za-z_][\w./]*+"
_NAMES = re.compile(rf"(?i)\s*(?:(?:\*|{_NAME})(?:\s+(?:asc|desc))?(?:\s*,\s*|\s*$))*", re.ASCII)
_EVALUATED = ("apply", "compute", "search", "filter", "orderby", "select")
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_NO_SEMICOLONS: Mapping[str, frozenset[int]] = MappingProxyType({})
_INVALID = "The query specified in the URI is not valid."

_Value = TypeVar("_Value")


@dataclass(frozen=True, slots=True)
class Options:
    """The query options of one request. Texts are decoded; each is parsed when it is asked for, every time.

    Attributes:
        texts: system query options by their name without `$`, in lower case.
        aliases: parameter aliases by their name without `@`.
        custom: options the protocol does not know; of one given several times, the last.
        plain: of each system query option that may hold a search, where in its text semicolons stand that did not come
            percent-encoded; without an entry there are none.
    """

    texts: Mapping[str, str]
    aliases: Mapping[str, str]
    custom: Mapping[str, str]
    plain: Mapping[str, frozenset[int]]

    def text(self, name: str) -> str | None:
        """The decoded text of a system query option, None if it was not given."""
        return self.texts.get(name)

    def filter(self) -> Expr | None:
        """`$filter`."""
        return self._read("filter", parse_filter)

    def orderby(self) -> tuple[OrderByItem, ...]:
        """`$orderby`; empty if it was not given."""
        return self._read("orderby", parse_orderby) or ()

    def select(self) -> tuple[SelectItem, ...]:
        """`$select`; empty if it was not given."""
        return self._read("select", parse_select) or ()

    def expand(self) -> tuple[ExpandItem, ...]:
        """`$expand`; empty if it was not given."""
        return self._read("expand", parse_expand) or ()

    def compute(self) -> tuple[ComputeItem, ...]:
        """`$compute`; empty if it was not given."""
        return self._read("compute", parse_compute) or ()

    def search(self) -> Search | None:
        """`$search`."""
        return self._read("search", parse_search)

    def apply(self) -> tuple[Transformation, ...]:
        """`$apply`; empty if it was not given."""
        return self._read("apply", parse_apply) or ()

    def top(self) -> int | None:
        """`$top`."""
        return self._number("top")

    def skip(self) -> int | None:
        """`$skip`."""
        return self._number("skip")

    def count(self) -> bool:
        """`$count`; false if it was not given."""
        text = self.texts.get("count", "false")
        if text.lower() not in ("true", "false"):
            raise BadRequest(
                f"{_INVALID} Invalid value '{text}' for $count query option found. "
                "The $count query option requires true or false.",
                target="$count",
            )
        return text.lower() == "true"

    def alias(self, name: str) -> Expr | None:
        """The value of the parameter alias `@name`."""
        text = self.aliases.get(name)
        return None if text is None else parse_alias(name, text)

    def cause(self) -> str | None:
        """The one option that something can have gone wrong in after all were understood, if there is only one.

        Plain names, in an order or a search too, can always be answered.
        """
        suspects = [name for name in _EVALUATED if _NAMES.fullmatch(self.texts.get(name, "")) is None]
        return f"${suspects[0]}" if len(suspects) == 1 else None

    def _read(self, name: str, read: Callable[[str, frozenset[int]], _Value]) -> _Value | None:
        text = self.texts.get(name)
        if text is None:
            return None
        try:
            return read(text, self.plain.get(name, frozenset()))
        except SyntaxFault as fault:
            raise SyntaxFault(fault.message, target=f"${name}", position=fault.position) from fault

    def _number(self, name: str) -> int | None:
        text = self.texts.get(name)
        if text is None:
            return None
        if _NUMBER.fullmatch(text) is None:
            raise BadRequest(
                f"{_INVALID} Invalid value '{text}' for ${name} query option found. "
                f"The ${name} query option requires a non-negative integer value.",
                target=f"${name}",
            )
        return int(text)


NO_OPTIONS = Options(_NOTHING, _NOTHING, _NOTHING, _NO_SEMICOLONS)


def parse_options(query: str) -> Options:
    """Cut a raw query string, without its `?`, into options, and decode them.

    `+` is a blank, except where it begins the zone of a time such as `14:13:19+02:00`. Names are matched in any case,
    with `$` or, but for the two tokens, without.

    Raises:
        BadRequest: a system query option that does not exist or is given twice, or an encoding that is not UTF-8.
    """
    if not query:
        return NO_OPTIONS
    texts: dict[str, str] = {}
    aliases: dict[str, str] = {}
    custom: dict[str, str] = {}
    plain: dict[str, frozenset[int]] = {}
    for part in query.split("&"):
        raw_name, _, raw_value = part.partition("=")
        name = _decode(raw_name, raw_name)
        if name.startswith("@"):
            _keep(aliases, name[1:], _decode(raw_value, name), name)
        elif (system := _system_name(name)) is not None:
            shown = f"${system}"
            _keep(texts, system, _decode(raw_value, shown), shown)
            if ";" in raw_value and "search" in f"{system}={texts[system]}".lower():
                plain[system] = _semicolons(raw_value, shown)
        elif name:
            custom[name] = _decode(raw_value, name)
    return Options(texts, aliases, custom, plain)


def _system_name(name: str) -> str | None:
    """The option that a name means, without `$` and in lower case; None for one that is not the protocol's."""
    lower = name.lower()
    if not name.startswith("$"):
        return lower if lower in WITHOUT_DOLLAR else None
    if lower[1:] in WITH_DOLLAR:
        return lower[1:]
    near = difflib.get_close_matches(lower[1:], WITH_DOLLAR, n=1)
    hint = f" Did you mean '${near[0]}'?" if near else ""
    raise BadRequest(f"{_INVALID} The query parameter '{name[:100]}' is not supported.{hint}", target=name[:100])


def _keep(kept: dict[str, str], key: str, text: str, shown: str) -> None:
    if key in kept:
        raise BadRequest(f"{_INVALID} Query option '{shown}' was specified more than once.", target=shown)
    kept[key] = text


def _semicolons(raw: str, option: str) -> frozenset[int]:
    """Where in the decoded text the semicolons are that stand in the raw one."""
    found: list[int] = []
    position = 0
    for piece in raw.split(";")[:-1]:
        position += len(_decode(piece, option))
        found.append(position)
        position += 1
    return frozenset(found)


def _decode(raw: str, option: str) -> str:
    if "+" in raw:
        raw = _ZONE_PLUS.sub(r"\1%2B", raw).replace("+", " ")
    if "%" not in raw and raw.isascii():
        return raw
    bad = _BAD_ESCAPE.search(raw)
    if bad is not None:
        raise SyntaxFault(
            f"{_INVALID} '%' must be followed by two hexadecimal digits in '{raw[:200]}'.",
            target=option[:100],
            position=bad.start(),
        )
    try:
        return unquote_to_bytes(raw).decode()
    except UnicodeError as error:
        raise SyntaxFault(
            f"{_INVALID} Decoded, '{raw[:200]}' is not UTF-8.", target=option[:100], position=0
        ) from error
