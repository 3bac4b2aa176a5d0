"""The grammar of query options (ABNF section 2), at the top of a query and nested in `$select` and `$expand`."""

import re

from enrollscope.odata.grammar.apply import ApplyGrammar
from enrollscope.odata.grammar.clauses import (
    AliasOption,
    ApplyOption,
    ComputeOption,
    CountOption,
    ExpandItem,
    ExpandOption,
    FilterOption,
    NumberOption,
    Option,
    OrderByOption,
    SearchOption,
    SelectItem,
    SelectOption,
    TextOption,
)
from enrollscope.odata.grammar.expr import (
    Argument,
    ComputeItem,
    Count,
    Marker,
    Name,
    OrderByItem,
    Path,
    Qualified,
    Segment,
    Star,
)
from enrollscope.odata.grammar.lexer import NAME

_OPTIONS = re.compile(rf"\([ \t]*(?:[$@]|{NAME}=)", re.ASCII)
_OF_COUNT = frozenset({"filter", "search"})
_OF_REFERENCES = _OF_COUNT | {"orderby", "skip", "top", "count"}
_OF_SELECTED = _OF_REFERENCES | {"compute", "select", "@"}
_OF_EXPANDED = _OF_SELECTED | {"expand", "levels", "apply"}
_OF_STAR = frozenset({"levels"})


class OptionGrammar(ApplyGrammar):
    """Reads the values of query options, and in parentheses whole options."""

    __slots__ = ()

    def order_by(self) -> tuple[OrderByItem, ...]:
        """The value of orderby."""
        return self.items(self.order_by_item)

    def compute(self) -> tuple[ComputeItem, ...]:
        """The value of compute."""
        return self.items(self.compute_item)

    def select(self) -> tuple[SelectItem, ...]:
        """The value of select."""
        return self.items(self.select_item)

    def expand(self) -> tuple[ExpandItem, ...]:
        """The value of expand."""
        return self.items(self.expand_item)

    def select_item(self) -> SelectItem:
        """SelectItem."""
        self.count_node()
        start = self.position
        if self.skip("*"):
            return SelectItem(Path((Star(None, start),), start))
        segments: list[Segment] = []
        while True:
            position = self.position
            if self.peek() == "@":
                segments.append(self.annotation())
            else:
                name = self.dotted("a property or '*'")
                if "." in name and self.skip(".*"):
                    return SelectItem(Path((*segments, Star(name, position)), start))
                if self.skip(".*"):
                    return SelectItem(Path((*segments, Star(name, position)), start))
                segments.append(Qualified(name, None, position) if "." in name else Name(name, None, position))
            if not self.skip("/"):
                break
        if self.peek() != "(":
            return SelectItem(Path(tuple(segments), start))
        if self._options_follow():
            return SelectItem(Path(tuple(segments), start), self._options(_OF_SELECTED))
        segments[-1] = self._overload(segments[-1])
        return SelectItem(Path(tuple(segments), start))

    def _options_follow(self) -> bool:
        """Whether the parenthesis holds options, and not the names of an overload's parameters."""
        return _OPTIONS.match(self.text, self.position) is not None

    def _overload(self, segment: Segment) -> Segment:
        if not isinstance(segment, Name | Qualified):
            raise self.expected("a query option")
        self.need("(")
        parameters = self.items(self._parameter_name)
        self.need(")")
        return type(segment)(segment.name, parameters, segment.position)

    def _parameter_name(self) -> Argument:
        start = self.position
        return Argument(
            None, Path((Name(self.identifier("a query option or a parameter"), None, start),), start), start
        )

    def expand_item(self) -> ExpandItem:
        """expandItem, expandPath."""
        self.count_node()
        start = self.position
        if self.skip("$value"):
            return ExpandItem(Path((Marker("$value", start),), start))
        segments: list[Segment] = []
        allowed = _OF_EXPANDED
        while True:
            segment = self._expand_segment(segments)
            segments.append(segment)
            if isinstance(segment, Star):
                allowed = _OF_STAR
                if self.skip("/$ref"):
                    segments.append(Marker("$ref", self.position - 4))
                    return ExpandItem(Path(tuple(segments), start))
                break
            if isinstance(segment, Marker | Count):
                allowed = _OF_REFERENCES if isinstance(segment, Marker) else _OF_COUNT
                break
            if not self.skip("/"):
                break
        options = self._options(allowed) if self.peek() == "(" else ()
        return ExpandItem(Path(tuple(segments), start), options)

    def _expand_segment(self, before: list[Segment]) -> Segment:
        start = self.position
        match self.peek():
            case "*":
                self.position += 1
                return Star(None, start)
            case "@":
                return self.annotation()
            case "$" if before and self.skip("$ref"):
                return Marker("$ref", start)
            case "$" if before and self.skip("$count"):
                return Count(None, None, start)
            case _:
                name = self.dotted("a navigation property")
                return Qualified(name, None, start) if "." in name else Name(name, None, start)

    def _options(self, allowed: frozenset[str]) -> tuple[Option, ...]:
        """Options in parentheses, separated by semicolons."""
        self.enter()
        self.need("(")
        options: list[Option] = []
        seen: set[str] = set()
        while True:
            self.blanks()
            start = self.position
            name, option = self._option_of(allowed)
            if name in seen:
                raise self.refused(f"'{name}' is given twice", start)
            seen.add(name)
            options.append(option)
            self.blanks()
            if not self.skip(";"):
                break
        self.need(")")
        self.depth -= 1
        return tuple(options)

    def select_option(self) -> Option:
        """SelectOption."""
        return self._option_of(_OF_SELECTED)[1]

    def expand_option(self) -> Option:
        """ExpandOption."""
        return self._option_of(_OF_EXPANDED)[1]

    def _option_of(self, allowed: frozenset[str]) -> tuple[str, Option]:
        """One of the options that may stand in certain parentheses, behind its name."""
        start = self.position
        if "@" in allowed and self.peek() == "@":
            alias = self.alias_option()
            return f"@{alias.name}", alias
        name = self._allowed_name(allowed, start)
        return name, self.option(name, start, nested=True)

    def _allowed_name(self, allowed: frozenset[str], start: int) -> str:
        names = ", ".join(f"${name}" for name in sorted(allowed - {"@"}))
        self.skip("$")
        name = self.identifier(f"one of {names}").lower()
        if name not in allowed:
            raise self.expected(f"one of {names}", start)
        self.need("=")
        return name

    def alias_option(self) -> AliasOption:
        """AliasAndValue."""
        start = self.position
        self.need("@")
        name = self.identifier("the name of a parameter alias")
        self.need("=")
        return AliasOption(name, self.expression(), start)

    def option(self, name: str, start: int, *, nested: bool = False) -> Option:
        """The option of this name, in lower case, from behind its `=`.

        Args:
            nested: in parentheses, where `;` and `)` end it.
        """
        match name:
            case "filter":
                return FilterOption(self.expression(), start)
            case "orderby":
                return OrderByOption(self.order_by(), start)
            case "select":
                return SelectOption(self.select(), start)
            case "expand":
                return ExpandOption(self.expand(), start)
            case "compute":
                return ComputeOption(self.compute(), start)
            case "search":
                return SearchOption(self.search_value(nested=nested), start)
            case "apply":
                return ApplyOption(self.transformations(), start)
            case "count":
                return CountOption(self.boolean().value is True, start)
            case "top" | "skip":
                return NumberOption(name, self.digits(), start)
            case "index":
                sign = -1 if self.skip("-") else 1
                return NumberOption(name, sign * self.digits(), start)
            case "levels":
                return NumberOption(name, self._levels(), start)
            case _:
                return self.text_option(name, start)

    def _levels(self) -> int | None:
        if self._word_is("max"):
            self.position += 3
            return None
        if self.peek() in ("", "0"):
            raise self.expected("a positive number or 'max'")
        return self.digits("a positive number or 'max'")

    def text_option(self, name: str, start: int) -> TextOption:
        """An option whose value is free text up to the end: `$format`, `$skiptoken`, …."""
        text = self.text[self.position :]
        if not text:
            raise self.expected("a value")
        for index, character in enumerate(text):
            if "\ud800" <= character <= "\udfff" or (character == "&" and not self.is_encoded(self.position + index)):
                raise self.expected("a percent-encoded character", self.position + index)
        if name == "schemaversion" and text != "*":
            self._require_unreserved(text)
        self.position = len(self.text)
        return TextOption(name, text, start)

    def _require_unreserved(self, text: str) -> None:
        for index, character in enumerate(text):
            if not (character.isascii() and (character.isalnum() or character in "-._~")):
                raise self.expected("'*' or a version", self.position + index)
