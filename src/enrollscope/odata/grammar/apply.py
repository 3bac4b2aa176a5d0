"""The grammar of `$apply` (OData Extension for Data Aggregation 4.0, its ABNF section 2)."""

from collections.abc import Callable
from typing import TypeVar

from enrollscope.odata.grammar.expr import ComputeItem, Name, OrderByItem, Path, Qualified, Segment, Variable
from enrollscope.odata.grammar.expressions import ExpressionGrammar
from enrollscope.odata.grammar.transformations import (
    Aggregate,
    Compute,
    Concat,
    Custom,
    Filter,
    GroupBy,
    GroupingElement,
    Hierarchy,
    HierarchyReference,
    Identity,
    Join,
    Nest,
    OrderBy,
    Ranking,
    Rollup,
    RollupRecursive,
    SearchStep,
    Transformation,
    Traverse,
    Window,
)

_Part = TypeVar("_Part")

_PRESERVING = frozenset(
    {
        *("bottomcount", "bottompercent", "bottomsum", "topcount", "toppercent", "topsum"),
        *("filter", "identity", "orderby", "search", "skip", "top", "ancestors", "descendants", "traverse"),
    }
)
TRANSFORMATIONS = _PRESERVING | frozenset(
    {"aggregate", "compute", "concat", "groupby", "nest", "addnested", "join", "outerjoin"}
)
"""All that the protocol defines, by name."""
_HIERARCHICAL = frozenset({"ancestors", "descendants", "traverse"})


class ApplyGrammar(ExpressionGrammar):
    """Reads sequences of transformations, and the items `$orderby` and `$compute` share with them."""

    __slots__ = ()

    def order_by_item(self) -> OrderByItem:
        """OrderbyItem."""
        expression = self.expression()
        start = self.position
        self.blanks()
        if self.position > start:
            for word in ("desc", "asc"):
                after = self.position + len(word)
                if self._word_is(word) and not self.text[after : after + 1].isalnum():
                    self.position = after
                    return OrderByItem(expression, word == "desc")
        self.position = start
        return OrderByItem(expression)

    def compute_item(self) -> ComputeItem:
        """computeItem, computeExpr."""
        expression = self.expression()
        self.need_keyword("as")
        return ComputeItem(expression, self.identifier("an alias"))

    def items(self, read: Callable[[], _Part]) -> tuple[_Part, ...]:
        """One or more, separated by commas."""
        parts = [read()]
        while self.comma():
            parts.append(read())
        return tuple(parts)

    def transformations(self, allowed: frozenset[str] | None = None) -> tuple[Transformation, ...]:
        """applyExpr: one or more transformations, separated by slashes.

        Args:
            allowed: the transformations that may stand here, if not all may; qualified ones always may.
        """
        steps = [self.transformation(allowed)]
        while self.skip("/"):
            steps.append(self.transformation(allowed))
        return tuple(steps)

    def preserving_transformations(self) -> tuple[Transformation, ...]:
        """preservingTrafos: transformations whose result is a part of their input."""
        return self.transformations(_PRESERVING)

    def transformation(self, allowed: frozenset[str] | None = None) -> Transformation:
        """ApplyTrafo."""
        start = self.position
        self.enter()
        name = self.dotted("a transformation")
        if "." in name:
            arguments = self.arguments()
            self.depth -= 1
            return Custom(Qualified(name, arguments, start))
        if allowed is not None and name in TRANSFORMATIONS and name not in allowed:
            raise self.expected(f"one of {', '.join(sorted(allowed))}", start)
        if name == "identity":
            self.depth -= 1
            return Identity()
        if name not in TRANSFORMATIONS:
            raise self.expected(f"'.': '{name}' is no transformation")
        self.need("(")
        self.blanks()
        step = self._inside(name)
        self.blanks()
        self.need(")")
        self.depth -= 1
        return step

    def _inside(self, name: str) -> Transformation:
        """What stands between the parentheses of a transformation."""
        match name:
            case "aggregate":
                return Aggregate(self.items(lambda: self.aggregate_item(aliased=True)))
            case "compute":
                return Compute(self.items(self.compute_item))
            case "concat":
                return self._concat()
            case "groupby":
                return self._group_by()
            case "filter":
                return Filter(self.expression())
            case "search":
                return SearchStep(self.search_value(nested=True))
            case "orderby":
                return OrderBy(self.items(self.order_by_item))
            case "top":
                return Window("top", self.digits())
            case "skip":
                return Window("skip", self.digits())
            case "nest":
                return Nest(None, self.items(self._nested))
            case "addnested":
                return self._add_nested()
            case _:
                return self._relating(name)

    def _relating(self, name: str) -> Transformation:
        """Transformations that relate instances to others: joins, hierarchies, rankings."""
        match name:
            case "join" | "outerjoin":
                return self._join(outer=name == "outerjoin")
            case "ancestors":
                return self._hierarchy("ancestors")
            case "descendants":
                return self._hierarchy("descendants")
            case "traverse":
                return self._traverse()
            case "topcount" | "toppercent" | "topsum" | "bottomcount" | "bottompercent" | "bottomsum" as kind:
                amount = self.expression()
                self._need_comma()
                return Ranking(kind, amount, self.expression())
            case _:
                raise self.expected("a transformation")

    def _need_comma(self) -> None:
        if not self.comma():
            raise self.expected("','")

    def _concat(self) -> Concat:
        sequences = [self.transformations()]
        self._need_comma()
        sequences.append(self.transformations())
        while self.comma():
            sequences.append(self.transformations())
        return Concat(tuple(sequences))

    def _nested(self) -> tuple[tuple[Transformation, ...], str]:
        steps = self.transformations()
        self.need_keyword("as")
        return steps, self.identifier("an alias")

    def _add_nested(self) -> Nest:
        path = self.plain_path(ends_in_property=False)
        self._need_comma()
        return Nest(path, self.items(self._nested))

    def _join(self, *, outer: bool) -> Join:
        start = self.position
        if self.peek() == "@":
            path = Path((self.annotation(),), start)
        else:
            segments: list[Segment] = [Name(self.identifier("a collection"), None, start)]
            if self.skip("/"):
                segments.append(Qualified(self.dotted("a type"), None, start))
            path = Path(tuple(segments), start)
        self.need_keyword("as")
        alias = self.identifier("an alias")
        return Join(outer, path, alias, self.transformations() if self.comma() else ())

    def _group_by(self) -> GroupBy:
        self.need("(")
        self.blanks()
        elements = self.items(self.grouping_element)
        self.blanks()
        self.need(")")
        return GroupBy(elements, self.transformations() if self.comma() else ())

    def grouping_element(self) -> GroupingElement:
        """GroupbyElement."""
        for word, read in (("rollup(", self._rollup), ("rolluprecursive(", self._rollup_recursive)):
            if self.skip(word):
                self.blanks()
                element = read()
                self.blanks()
                self.need(")")
                return element
        return self.plain_path()

    def _rollup(self) -> Rollup:
        """Two or more properties, or one name: the qualifier of a leveled hierarchy."""
        start = self.position
        levels = self.items(self.plain_path)
        if len(levels) > 1:
            return Rollup(levels)
        match levels[0].segments:
            case (Name(name),):
                return Rollup(name)
            case _:
                self.blanks()
                raise self.expected("',' and a further property", start if self.peek() == "" else self.position)

    def _rollup_recursive(self) -> RollupRecursive:
        reference = self._reference()
        return RollupRecursive(reference, self.transformations(_HIERARCHICAL) if self.comma() else ())

    def _reference(self) -> HierarchyReference:
        """recHierReference: the nodes, the qualifier of the hierarchy, the property that identifies a node."""
        root = self.operand()
        if not isinstance(root, Path) or not isinstance(root.segments[0], Variable):
            raise self.expected("'$root/' and the nodes of the hierarchy", root.position)
        self._need_comma()
        qualifier = self.identifier("the qualifier of a hierarchy")
        self._need_comma()
        return HierarchyReference(root, qualifier, self.plain_path())

    def _hierarchy(self, kind: str) -> Hierarchy:
        reference = self._reference()
        self._need_comma()
        start = self.preserving_transformations()
        distance: int | None = None
        keep_start = False
        if self.comma():
            if self.peek().isdecimal():
                distance = self.digits()
            else:
                self._keep_start("a distance or 'keep start'")
                keep_start = True
        if not keep_start and self.comma():
            self._keep_start("'keep start'")
            keep_start = True
        return Hierarchy("ancestors" if kind == "ancestors" else "descendants", reference, start, distance, keep_start)

    def _keep_start(self, expected: str) -> None:
        if not self.skip("keep start"):
            raise self.expected(expected)

    def _traverse(self) -> Traverse:
        reference = self._reference()
        self._need_comma()
        preorder = self.skip("preorder")
        if not preorder and not self.skip("postorder"):
            raise self.expected("'preorder' or 'postorder'")
        start: tuple[Transformation, ...] = ()
        siblings: tuple[OrderByItem, ...] = ()
        if self.comma():
            if self._begins_with(_PRESERVING):
                start = self.preserving_transformations()
                siblings = self.items(self.order_by_item) if self.comma() else ()
            else:
                siblings = self.items(self.order_by_item)
        return Traverse(reference, "preorder" if preorder else "postorder", start, siblings)

    def _begins_with(self, names: frozenset[str]) -> bool:
        """Whether a transformation of these comes next, and not an expression."""
        start = self.position
        if not self.peek().isalpha():
            return False
        name = self.dotted()
        found = name == "identity" or (self.peek() == "(" and (name in names or "." in name))
        self.position = start
        return found
