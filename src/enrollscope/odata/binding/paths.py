"""Paths in expressions: `address/city`, `reviews/any(review:review/stars ge 4)`.

Properties of derived types may be named without a cast on the base-typed collection; rows without the property read as
null (contract §12 row 20).
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeAlias, assert_never

from enrollscope.odata.binding.elsewhere import Elsewhere
from enrollscope.odata.binding.loose import Items, Loose, Members, Typed
from enrollscope.odata.binding.operands import ClauseFault, Operands, Word
from enrollscope.odata.binding.rows import (
    Branch,
    CastRow,
    EntityRow,
    Found,
    Many,
    Row,
    Structure,
    StructureRow,
    element_of,
    named,
    readable_inside,
    row_of,
)
from enrollscope.odata.binding.searching import mentions
from enrollscope.odata.edm.model import ComplexType, EntityType, Model, Primitive
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import (
    AggregateSegment,
    Alias,
    Annotation,
    Count,
    Expr,
    FilterSegment,
    Lambda,
    ListExpr,
    Literal,
    Marker,
    Name,
    Path,
    Qualified,
    Segment,
    Star,
    Variable,
)
from enrollscope.odata.hints import near_name
from enrollscope.odata.plan.bound import Bound, Combine, Inside, Logic, OfRow, Quantified, Quantifier, Size

_MOST_NODES = 20_000
"""Nodes of all bound expressions of one request: names that stand for expressions could multiply without end."""

Root: TypeAlias = EntityRow | Branch
"""What a question is about: stored entities, or what a grouping made of them."""

Reached: TypeAlias = Found | EntityRow | CastRow
"""What a path has come to: a value, or an entity whose properties are still to be named."""


@dataclass(frozen=True, slots=True)
class Computed:
    """A property that the request itself computes.

    Attributes:
        nodes: how many nodes each use of it adds to the question.
    """

    name: str
    bound: Bound
    nodes: int


class Paths(ABC):
    """Binds paths. `Conditions` binds everything else.

    Args:
        row: what names mean that no variable stands before.
        aliases: the parameter aliases of the request, parsed.
        elsewhere: finds what paths name that start at the root of the service.

    Attributes:
        computed: by name, in lower case.
        nodes: how large everything is that was bound so far.
    """

    def __init__(
        self,
        model: Model,
        row: Root,
        operands: Operands,
        aliases: Mapping[str, Expr] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> None:
        self.computed: dict[str, Computed] = {}
        self.nodes = 0
        self._model = model
        self._operands = operands
        self._row = row
        self._here: Row = row
        self._computing: Row = row
        self._this: Structure | Inside | None = None
        self._elements: dict[str, Structure | Inside] = {}
        self._aliases = aliases or {}
        self._elsewhere = elsewhere
        self._resolved: dict[str, tuple[Loose, int] | None] = {}

    @abstractmethod
    def condition(self, expression: Expr) -> Bound:
        """Bind an expression that must be boolean."""

    @abstractmethod
    def loose(self, expression: Expr) -> Loose:
        """Bind an expression as far as it goes without knowing what it is compared with."""

    @abstractmethod
    def equal(self, left: Bound, right: Bound) -> Bound:
        """A comparison of two values of one type."""

    @property
    def row(self) -> Root:
        """What names mean."""
        return self._row

    @property
    def timed(self) -> bool:
        """Whether anything that was bound asks what time it is."""
        return self._operands.timed

    def go_on_with(self, row: Root) -> None:
        """Speak of other rows from now on; what was computed of the ones before is forgotten."""
        self._row = self._here = self._computing = row
        self.computed.clear()

    def compute(self, alias: str, bound: Bound, nodes: int) -> None:
        """Let a name stand for an expression from now on.

        Raises:
            ClauseFault: something has the name already.
        """
        if alias.lower() in self.computed or self._computing.find(alias) is not None:
            raise ClauseFault(f"The name '{alias}' is taken; a computed property needs a name of its own.", 0)
        self.computed[alias.lower()] = Computed(alias, bound, nodes)

    @contextmanager
    def items(self, many: Many, aliases: Mapping[str, Expr]) -> Iterator[tuple[int, Structure | Inside]]:
        """Speak of the items of a collection: by plain names and `$this`, with computed properties of their own.

        Gives the number of the item, and the item.

        Args:
            aliases: given for this while, beside those of the request.
        """
        before = self._aliases, self._resolved, self.computed, self._computing
        self._aliases, self._resolved, self.computed = {**self._aliases, **aliases}, {}, {}
        with self._element(many, None) as (variable, _):
            self._computing = self._here
            try:
                yield variable, element_of(many, variable)
            finally:
                self._aliases, self._resolved, self.computed, self._computing = before

    def entity_type(self, name: str, position: int) -> EntityType:
        """Resolve a type cast.

        Raises:
            ClauseFault: no such type, or one that no entity here can have.
        """
        if not isinstance(self._row, EntityRow):
            raise ClauseFault(f"Nothing of type '{name}' is left in {self._row.title}.", position)
        declared = self._row.declared
        found = self._model.find_type(name)
        if not isinstance(found, EntityType):
            known = [item.name_in_model for item in self._model.entities if item.is_a(declared)]
            raise ClauseFault(
                f"A type named '{name}' could not be resolved by the model.{near_name(name, known)}", position
            )
        if not found.is_a(declared) and not declared.is_a(found):
            raise ClauseFault(f"'{found.name_in_model}' is not related to '{declared.name_in_model}'.", position)
        return found

    def path(self, path: Path) -> Loose:
        """Bind a path.

        Raises:
            ClauseFault: a segment that means nothing where it stands.
            NotBuilt: valid OData that is not offered.
        """
        segments = path.segments
        first = segments[0]
        if len(segments) == 1:
            if type(first) is Name and first.arguments is None:
                found = self._named(first)
                return Word(first.name, first.position) if found is None else found
            if type(first) is Alias:
                return self.alias(first)
        if first == Variable("$root"):
            return self._from_root(path)
        reached, rest = self._head(segments)
        for segment in rest:
            reached = self._step(reached, segment)
        if isinstance(reached, EntityRow | CastRow):
            raise ClauseFault("An entity as a whole has no value here; name one of its properties.", path.position)
        return _readable(reached, path.position)

    def _from_root(self, path: Path) -> Bound:
        """A value of another entity."""
        if self._elsewhere is None:
            raise NotBuilt("$root is not offered here.", position=path.position)
        self._operands.unshareable()
        member, rest = self._elsewhere.find(tuple(map(self._with_keys, path.segments[1:])), path.position)
        reached: Reached = EntityRow(self._model, member.scope.declared)
        for segment in rest:
            plain = isinstance(segment, Name | Qualified) or segment == Count()
            if not plain:  # it could speak of the row that all of this is about
                raise NotBuilt("Behind $root only names and $count are offered.", position=segment.position)
            reached = self._step(reached, segment)
        if isinstance(reached, EntityRow | CastRow):
            raise ClauseFault("An entity as a whole has no value here; name one of its properties.", path.position)
        if isinstance(reached, Structure | Many | Branch):
            raise NotBuilt("Behind $root only single values are offered.", position=path.position)
        _readable(reached, path.position)
        return OfRow(self._elsewhere.condition(member, self._operands), reached, reached.type or Primitive.STRING)

    def _with_keys(self, segment: Segment) -> Segment:
        """A segment with keys in place of the aliases that stand for them."""
        if not isinstance(segment, Name | Qualified) or not segment.arguments:
            return segment
        arguments = []
        for item in segment.arguments:
            match item.value:
                case Path(segments=(Alias() as alias,)) if isinstance(given := self.alias(alias), Literal):
                    arguments.append(replace(item, value=given))
                case _:
                    arguments.append(item)
        return replace(segment, arguments=tuple(arguments))

    def unknown(self, name: str, position: int, row: Row | None = None) -> ClauseFault:
        """Make the fault of a name that nothing has; offers the nearest."""
        row = row or self._here
        known = [*row.names, *(item.name for item in self.computed.values()), *self._elements]
        return ClauseFault(
            f"Could not find a property named '{name[:200]}' on {row.title}.{near_name(name, known)}", position
        )

    def alias(self, alias: Alias) -> Loose:
        """What a parameter alias stands for; null where the request gives it no value (URL conventions 4.01 §5.3)."""
        self._operands.unshareable()
        expression = self._aliases.get(alias.name)
        if expression is None:
            return Literal("null", None, alias.position)
        if alias.name not in self._resolved:
            self._resolved[alias.name] = None
            before = self.nodes
            bound = self.loose(expression)
            self._resolved[alias.name] = bound, self.nodes - before
            return bound
        given = self._resolved[alias.name]
        if given is None:
            raise ClauseFault(f"The parameter alias '@{alias.name}' is defined by itself.", alias.position)
        self._count_nodes(given[1])
        return given[0]

    def unaliased(self, expression: Expr) -> Expr:
        """What an alias stands for where that is a list, which is no operand; otherwise the same."""
        if isinstance(expression, Path) and isinstance(alias := expression.segments[0], Alias):
            given = self._aliases.get(alias.name)
            if isinstance(given, ListExpr) and len(expression.segments) == 1:
                self._operands.unshareable()
                return given
        return expression

    def _count_nodes(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes > _MOST_NODES:
            raise ClauseFault("The computed properties and aliases make the query too large.", 0)

    def _named(self, name: Name) -> Found | None:
        """What a plain name means: a variable, something computed, a property."""
        element = self._elements.get(name.name) if self._elements else None
        if element is not None:
            return _readable(element, name.position)
        if (
            self.computed
            and self._here is self._computing
            and (given := self.computed.get(name.name.lower())) is not None
        ):
            self._count_nodes(given.nodes)
            return given.bound
        found = self._here.find(name.name)
        return _readable(found, name.position) if type(found) is Inside else found

    def _head(self, segments: tuple[Segment, ...]) -> tuple[Reached, tuple[Segment, ...]]:
        """What the first segment of a path means, and what is left of it."""
        first, rest = segments[0], segments[1:]
        match first:
            case Variable(name="$it"):
                return self._row, rest
            case Variable(name="$this"):
                return (self._row if self._this is None else self._this), rest
            case Variable(name=name, position=position):
                raise NotBuilt(f"{name} is not offered in expressions.", position=position)
            case Alias():
                found = self.alias(first)
                if isinstance(found, Literal | Word | Items | Members | Typed):
                    raise ClauseFault(f"The alias '@{first.name}' has no properties to go into.", first.position)
                return found, rest
            case Name(arguments=None):
                named = self._named(first)
                if named is None:
                    raise self.unknown(first.name, first.position)
                return named, rest
            case _:
                return self._step(self._row if self._this is None else self._this, first), rest

    def _step(self, reached: Reached, segment: Segment) -> Reached:
        """Go on by one segment."""
        match segment:
            case Name():
                return self._member(reached, segment)
            case Qualified():
                return self._cast(reached, segment)
            case Count():
                return self._size(_collection(reached, "$count", segment.position), segment)
            case Lambda():
                return self._lambda(_collection(reached, segment.quantifier, segment.position), segment)
            case FilterSegment(arguments=None):
                return self._filtered(_collection(reached, "$filter", segment.position), segment.predicate)
            case FilterSegment() | Annotation() | AggregateSegment():
                raise NotBuilt("A path of this form is not offered in expressions.", position=segment.position)
            case Variable() | Alias() | Marker() | Star():
                raise ClauseFault("A path of this form has no value.", segment.position)
            case _:
                assert_never(segment)

    def _member(self, reached: Reached, name: Name) -> Reached:
        if name.arguments is not None:
            raise ClauseFault(f"'{name.name[:200]}' is neither a function nor a collection with keys.", name.position)
        match reached:
            case Structure():
                row: Row = StructureRow(reached)
            case Branch() | EntityRow() | CastRow():
                row = reached
            case Many():
                raise ClauseFault(
                    f"{named(reached)} is a collection; ask any or all of its items for '{name.name[:200]}'.",
                    name.position,
                )
            case _:
                raise ClauseFault(
                    f"{named(reached)} has no properties of its own, so there is no '{name.name[:200]}' in it.",
                    name.position,
                )
        found = row.find(name.name)
        if found is None:
            raise self.unknown(name.name, name.position, row)
        return found

    def _cast(self, reached: Reached, cast: Qualified) -> Reached:
        if cast.arguments is not None:
            raise NotBuilt("Functions of the service are not offered in expressions.", position=cast.position)
        match reached:
            case EntityRow() | Branch():
                entity = self.entity_type(cast.name, cast.position)
                return reached.behind_cast(entity) if isinstance(reached, EntityRow) else reached
            case Structure(type=kind) | Many(type=ComplexType() as kind):
                if self._model.find_type(cast.name) is kind:
                    return reached
                raise ClauseFault(f"'{cast.name[:200]}' is not related to '{kind.name_in_model}'.", cast.position)
            case _:
                raise ClauseFault(f"Nothing here could be of type '{cast.name[:200]}'.", cast.position)

    def _size(self, many: Many, count: Count) -> Bound:
        with self._element(many, None) as (variable, conditions):
            if count.filter is not None:
                conditions.append(self.condition(count.filter))
            if count.search is not None:
                conditions.append(mentions(count.search, [element_of(many, variable)], self._operands))
        return Size(many.source, variable, _all(conditions))

    def _filtered(self, many: Many, predicate: Expr) -> Many:
        with self._element(many, None) as (variable, conditions):
            conditions.append(self.condition(predicate))
        condition = _all(conditions)
        return many if condition is None else Many(many.source, many.type, (variable, condition))

    def _lambda(self, many: Many, item: Lambda) -> Bound:
        name = item.variable
        if name is not None and name in self._elements:
            raise ClauseFault(f"The name '{name}' is taken; the inner variable needs another one.", item.position)
        with self._element(many, name) as (variable, conditions):
            asked = None if item.predicate is None else self.condition(item.predicate)
        if item.quantifier == "all" and conditions and asked is not None:
            # Of a part of the collection: as many elements pass as there are in it.
            kept = Size(many.source, variable, conditions[0])
            return self.equal(kept, Size(many.source, variable, _all([*conditions, asked])))
        predicate = _all([*conditions, *([] if asked is None else [asked])])
        return Quantified(Quantifier(item.quantifier), many.source, variable, predicate)

    @contextmanager
    def _element(self, many: Many, name: str | None) -> Iterator[tuple[int, list[Bound]]]:
        """Bind what speaks of one element: by a variable, or, without a name, by `$this` and plain names.

        Gives the number of the element and what is demanded of it already.
        """
        variable, conditions = (self._operands.variable(), []) if many.kept is None else (many.kept[0], [many.kept[1]])
        element = element_of(many, variable)
        before = self._here, self._this
        if name is None:
            self._here, self._this = row_of(element), element
        else:
            self._elements[name] = element
        try:
            yield variable, conditions
        finally:
            self._here, self._this = before
            if name is not None:
                del self._elements[name]


def _readable(found: Found, position: int) -> Found:
    """Refuse a value that stands as text inside of another one, and whose order would not be that of the text."""
    if isinstance(found, Inside) and not readable_inside(found.type):
        raise NotBuilt(
            f"Values of type '{found.type.name_in_model}' inside of other values are not offered in expressions.",
            position=position,
        )
    return found


def _collection(reached: Reached, what: str, position: int) -> Many:
    if not isinstance(reached, Many):
        raise ClauseFault(f"'{what}' must stand behind a collection.", position)
    return reached


def _all(conditions: list[Bound]) -> Bound | None:
    """The conjunction; `None` of none."""
    found: Bound | None = None
    for condition in conditions:
        found = condition if found is None else Combine(Logic.AND, found, condition)
    return found
