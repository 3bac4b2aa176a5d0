"""The grammar of member paths (ABNF section 4, memberExpr): `a/Model.Type/b`, keys, `$count`, `$filter(…)`, lambdas.

Without a model every segment reads alike, so what the ABNF keeps apart by the kind of a name is one rule here. Where
the caller gives the declared names, the few rules that need them are enforced.
"""

import difflib
import re
from abc import ABC, abstractmethod

from enrollscope.odata.edm.functions import FUNCTIONS
from enrollscope.odata.grammar.expr import (
    AggregateItem,
    AggregateSegment,
    Alias,
    Annotation,
    Argument,
    Count,
    Expr,
    FilterSegment,
    FromClause,
    Lambda,
    Name,
    Path,
    Qualified,
    Search,
    Segment,
    Variable,
)
from enrollscope.odata.grammar.lexer import NAME
from enrollscope.odata.grammar.primitives import LiteralGrammar

_NAMED = re.compile(f"{NAME}=", re.ASCII)
_METHODS = frozenset({"sum", "min", "max", "average", "countdistinct"})
_QUANTIFIERS = ("any", "all")
_PRIMITIVE_RULES = ("primitiveKeyProperty", "primitiveNonKeyProperty")
_STRUCTURED_RULES = (
    "complexProperty",
    "complexColProperty",
    "entityNavigationProperty",
    "entityColNavigationProperty",
    "entitySetName",
)


class MemberGrammar(LiteralGrammar, ABC):
    """Reads paths inside expressions, and the data aggregation that may end them."""

    __slots__ = ()

    @abstractmethod
    def expression(self) -> Expr:
        """CommonExpr."""

    def declared(self, name: str, *rules: str) -> bool:
        """Whether the model, if one was given, declares the name under one of these ABNF rules."""
        return self.names is not None and any(name in self.names.get(rule, ()) for rule in rules)

    def only_primitive(self, name: str) -> bool:
        """Whether the model declares the name as a primitive property and as nothing that has members."""
        return self.declared(name, *_PRIMITIVE_RULES) and not self.declared(name, *_STRUCTURED_RULES)

    def name_segment(self, name: str, start: int) -> Name | Qualified:
        """A name that was just read, with the parentheses that may follow."""
        arguments = self.arguments(behind=name) if self.peek() == "(" else None
        if "." in name:
            return Qualified(name, arguments, start)
        return Name(name, arguments, start)

    def arguments(self, *, behind: str | None = None, literal: bool = False) -> tuple[Argument, ...]:
        """A key predicate or function parameters: either one value without a name, or any number with names.

        Args:
            behind: the name before the parenthesis, for messages.
            literal: in a resource path, where a value is a literal or an alias and never an expression.
        """
        self.enter()
        self.need("(")
        self.blanks()
        arguments: list[Argument] = []
        if self.peek() != ")":
            arguments.append(self._argument(behind, literal=literal))
            while arguments[0].name is not None and self.comma():
                arguments.append(self._named_argument(arguments, literal=literal))
        self.blanks()
        if not self.skip(")"):
            raise self.expected("')'" + self._hint(behind))
        self.depth -= 1
        return tuple(arguments)

    def _hint(self, name: str | None) -> str:
        """For a name that was perhaps meant to be a canonical function: that it is none, and which one is near."""
        if name is None or "." in name or self.declared(name, "entitySetName", "entityColNavigationProperty"):
            return ""
        near = difflib.get_close_matches(name.lower(), [*FUNCTIONS, *_QUANTIFIERS], n=1)
        if near and near[0] in _QUANTIFIERS:
            return f" ('{name}' is no function, did you mean {near[0]}?)"
        return f" ('{name}' is no canonical function{f', did you mean {FUNCTIONS[near[0]].name}?' if near else ''})"

    def _argument(self, behind: str | None, *, literal: bool) -> Argument:
        start = self.position
        if _NAMED.match(self.text, start) is not None:
            return self._named_argument([], literal=literal)
        if self.peek() == "@":
            return Argument(None, self.alias(), start)
        return Argument(None, self.primitive_literal("a key value" + self._hint(behind)), start)

    def _named_argument(self, others: list[Argument], *, literal: bool) -> Argument:
        start = self.position
        name = self.identifier("the name of a key property or parameter")
        if any(other.name == name for other in others):
            raise self.refused(f"'{name}' is given twice", start)
        self.need("=")
        if self.peek() == "@":
            return Argument(name, self.alias(), start)
        return Argument(name, self.primitive_literal("a key value") if literal else self.expression(), start)

    def alias(self) -> Path:
        """ParameterAlias."""
        start = self.position
        self.need("@")
        return Path((Alias(self.identifier("the name of a parameter alias"), start),), start)

    def annotation(self) -> Annotation:
        """AnnotationInQuery."""
        start = self.position
        self.need("@")
        term = self.dotted("the name of a term")
        return Annotation(term, self.identifier("a qualifier") if self.skip("#") else None, start)

    def rest_of_path(self, segments: list[Segment]) -> None:
        """Read the segments that follow, each with its slash, behind those there are."""
        while self.skip("/"):
            self.nodes += 1
            segment = self._member(segments[-1])
            segments.append(segment)
            if isinstance(segment, Count | Lambda | AggregateSegment):
                return

    def _member(self, before: Segment) -> Segment:
        start = self.position
        match self.peek():
            case "$":
                return self._dollar_segment(start)
            case "@":
                return self.annotation()
            case _:
                name = self.dotted("a property, a type or $count")
        if "." not in name and self.peek() == "(":
            lower = name.lower()
            if lower in _QUANTIFIERS:
                return self.quantified(lower, start)
            if lower == "aggregate":
                return self._aggregate_segment(start)
        if isinstance(before, Qualified) and before.name == name and before.arguments is None and "." in name:
            raise self.expected("a property: a cast to the same type says nothing")
        return self.name_segment(name, start)

    def _dollar_segment(self, start: int) -> Count | FilterSegment:
        if self.skip("$count"):
            return self._count(start)
        if not self.skip("$filter("):
            raise self.expected("$count, $filter(…) or a name")
        self.enter()
        predicate = self.expression()
        self.need(")")
        self.depth -= 1
        return FilterSegment(predicate, self.arguments() if self.peek() == "(" else None, start)

    def _count(self, start: int) -> Count:
        condition: Expr | None = None
        search: Search | None = None
        if self.skip("("):
            while True:
                option = self.option_name()
                if option == "filter" and condition is None:
                    condition = self.expression()
                elif option == "search" and search is None:
                    search = self.search_value(nested=True)
                else:
                    raise self.refused(f"'{option}' cannot stand here; $count takes one filter and one search")
                if not self.skip(";"):
                    break
            self.need(")")
        return Count(condition, search, start)

    def option_name(self) -> str:
        """The name of an option inside parentheses and its `=`, in lower case and without `$`."""
        start = self.position
        self.skip("$")
        name = self.identifier("a query option").lower()
        if not self.skip("="):
            self.position = start if self.peek() == "" else self.position
            raise self.expected("'='")
        return name

    def quantified(self, quantifier: str, start: int) -> Lambda:
        """anyExpr, allExpr: what stands in parentheses behind `any` or `all`."""
        self.enter()
        self.need("(")
        self.blanks()
        variable: str | None = None
        predicate: Expr | None = None
        if quantifier == "all" or self.peek() != ")":
            variable = self.identifier("the name of a lambda variable")
            self.blanks()
            self.need(":")
            self.blanks()
            predicate = self.expression()
            self.blanks()
        self.need(")")
        self.depth -= 1
        return Lambda("all" if quantifier == "all" else "any", variable, predicate, start)

    def plain_path(self, *, ends_in_property: bool = True) -> Path:
        """Names with slashes between them: a path without keys, as grouping and hierarchies need (Data Aggregation)."""
        start = self.position
        segments: list[Segment] = []
        while True:
            position = self.position
            name = self.dotted("a property")
            segments.append(Qualified(name, None, position) if "." in name else Name(name, None, position))
            if self.peek() != "/" or self.text.startswith("/$", self.position):
                break
            if self.only_primitive(name):
                raise self.expected("no further segment: a primitive property has none")
            self.position += 1
        if ends_in_property and isinstance(segments[-1], Qualified):
            raise self.expected("'/' and a property behind the type")
        return Path(tuple(segments), start)

    def grouping_properties(self) -> tuple[Path, ...]:
        """GroupingProperties."""
        paths = [self.plain_path()]
        while self.comma():
            paths.append(self.plain_path())
        return tuple(paths)

    def _aggregate_segment(self, start: int) -> AggregateSegment:
        """aggregateFunctionExpr, inside its parentheses."""
        self.enter()
        self.need("(")
        self.blanks()
        item = self.aggregate_item(aliased=False)
        self.blanks()
        self.need(")")
        self.depth -= 1
        return AggregateSegment(item, start)

    def aggregate_item(self, *, aliased: bool) -> AggregateItem:
        """aggregateExpr, or without an alias the inside of aggregateFunctionExpr."""
        start = self.position
        expression = self._aggregated()
        method = self._method() if self.keyword("with") else None
        custom = method is None and not _counts(expression)
        if custom and not self._may_be_custom(expression):
            self.need_keyword("with")
        steps: list[FromClause] = []
        while self.keyword("from"):
            properties = self.grouping_properties()
            if not custom:
                self.need_keyword("with")
                steps.append(FromClause(properties, self._method()))
            else:
                steps.append(FromClause(properties, self._method() if self.keyword("with") else None))
        alias: str | None = None
        if aliased and (steps or not custom):
            self.need_keyword("as")
            alias = self.identifier("an alias")
        elif aliased and self.keyword("as"):
            alias = self.identifier("an alias")
        if self.position == start:
            raise self.expected("something to aggregate")
        return AggregateItem(expression, method, tuple(steps), alias)

    def _aggregated(self) -> Expr:
        start = self.position
        if self.skip("$count"):
            return Path((Count(None, None, start),), start)
        if self.names is not None and (path := self._path_through_collections()) is not None:
            return path
        return self.expression()

    def _path_through_collections(self) -> Path | None:
        """A path only aggregation knows: through a collection, to each member of its items."""
        start = self.position
        first = self.text[start : start + 1]
        if first.isalpha():
            name = self.identifier()
            if self.peek() == "/" and self.declared(name, "entityColNavigationProperty", "complexColProperty"):
                self.position = start
                path = self.plain_path(ends_in_property=False)
                if self.peek() in ("", " ", "\t", ",", ")"):
                    return path
        self.position = start
        return None

    def _may_be_custom(self, expression: Expr) -> bool:
        """Whether this may name a custom aggregate: a path of names, ending in one the model allows."""
        if not isinstance(expression, Path):
            return False
        last = expression.segments[-1]
        plain = all(isinstance(item, Name | Qualified) and item.arguments is None for item in expression.segments)
        return plain and isinstance(last, Name) and (self.names is None or self.declared(last.name, "customAggregate"))

    def _method(self) -> str:
        start = self.position
        name = self.dotted("an aggregation method")
        if "." not in name and name not in _METHODS:
            raise self.expected(f"one of {', '.join(sorted(_METHODS))}, or a qualified method", start)
        return name


def _counts(expression: Expr) -> bool:
    return isinstance(expression, Path) and isinstance(expression.segments[-1], Count)


def starts_path(expression: Expr) -> bool:
    """Whether the expression is a path that begins at a variable or a name, as firstMemberExpr does."""
    return isinstance(expression, Path) and isinstance(
        expression.segments[0], Name | Qualified | Variable | Alias | Annotation
    )
