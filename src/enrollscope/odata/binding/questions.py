"""The query options of a collection to a `Query`, in the order in which they take effect (protocol 4.01 §11.2.1).

`$apply`, `$compute`, `$search`, `$filter`, `$orderby`, `$select`; the numbers of paging are the binder's.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from enrollscope.odata.binding.applying import Applying
from enrollscope.odata.binding.conditions import Conditions
from enrollscope.odata.binding.elsewhere import Elsewhere
from enrollscope.odata.binding.operands import ClauseFault, Operands
from enrollscope.odata.binding.picking import Picking
from enrollscope.odata.binding.resources import Resources
from enrollscope.odata.binding.rows import EntityRow, members
from enrollscope.odata.binding.searching import mentions
from enrollscope.odata.binding.selecting import Selecting, select_results
from enrollscope.odata.binding.shapes import Shape, Shapes
from enrollscope.odata.edm.model import EntityType, Model, Primitive
from enrollscope.odata.errors import NotBuilt, SyntaxFault
from enrollscope.odata.grammar.clauses import SelectItem
from enrollscope.odata.grammar.expr import Expr
from enrollscope.odata.grammar.options import Options
from enrollscope.odata.grammar.transformations import Compute
from enrollscope.odata.plan.bound import Bound, Column, Combine, Compare, Comparison, Logic, SameText, TypeIs
from enrollscope.odata.plan.queries import Keep, Order, Paging, Positions, Query
from enrollscope.odata.plan.requests import EVERYTHING, Projection, Scope, Shown

_NOTHING: Mapping[str, Expr] = MappingProxyType({})


@dataclass(frozen=True)
class Question:
    """What query options ask, without the values of their literals.

    Attributes:
        results: of a grouping, what its rows show; `None`: the rows are entities.
        timed: the answer depends on the time.
    """

    query: Query
    projection: Projection
    results: tuple[Shown, ...] | None
    timed: bool

    @cached_property
    def resumed(self) -> Query:
        """The same, going on behind a record seen before."""
        return replace(self.query, resumed=True)


class Questions:
    """Binds the questions of one API version, and remembers the latest shapes."""

    def __init__(self, model: Model, resources: Resources | None = None) -> None:
        self._model = model
        self._resources = resources or Resources(model)
        self._rows: dict[str, EntityRow] = {}
        self._whole: dict[str, frozenset[str]] = {}
        self._names: dict[frozenset[str], frozenset[str]] = {}
        self._orders: dict[tuple[str, str], tuple[tuple[Order, ...], tuple[Bound, ...]]] = {}
        self._shapes: Shapes[Question] = Shapes()

    def ask(
        self,
        scope: Scope,
        options: Options,
        predicates: tuple[Expr, ...],
        *,
        include_unknown: bool,
        texts: bool = False,
    ) -> tuple[Question, tuple[Any, ...]]:
        """Understand what is asked of a collection.

        Args:
            predicates: conditions of the resource path, `/$filter(…)`.
            texts: strings stand for values of other primitive types where these are wanted.

        Returns:
            The shape of the question, and the values that belong to it.

        Raises:
            BadRequest: a name, a value or a combination is wrong.
            NotBuilt: valid OData that is not offered.
        """
        links = tuple(link.value for link in scope.links)
        shape = None
        if not predicates:
            where = (scope.stored.name, scope.declared.name, scope.types, len(links), include_unknown, texts)
            shape = Shape.of(options, where)
            if shape is not None and (known := self._shapes.find(shape)) is not None:
                return known[0], (*links, *known[1])
        operands = Operands(self._model, include_unknown=include_unknown, texts=texts)
        question = self._bind(scope, options, predicates, operands)
        if shape is not None:
            self._shapes.keep(shape, question, operands, skip=len(links))
        return question, tuple(operands.parameters)

    def one(
        self, scope: Scope, key: str, options: Options, *, include_unknown: bool, texts: bool, now: int
    ) -> tuple[Projection, tuple[Query, Paging] | None]:
        """Understand what is asked of one entity.

        Returns:
            What of it to show; and where that is more than its record holds, the question that finds it.

        Raises:
            BadRequest: a name or a value is wrong.
            NotBuilt: valid OData that is not offered.
        """
        if "compute" not in options.texts:
            items = options.select()
            if not items:
                return EVERYTHING, None
            if not any(item.options for item in items):
                return Selecting(self._model, scope.declared).bind(items), None
        operands = Operands(self._model, include_unknown=include_unknown, texts=texts)
        conditions = self._conditions(scope, options, operands)
        order, identity = self._order(scope)
        applying = Applying(conditions, operands, order, identity)
        if "compute" in options.texts:
            with _Clause("compute", operands):
                applying.bind((Compute(options.compute()),))
        where = Compare(Comparison.EQ, identity[0], operands.parameter(key, Primitive.STRING))
        question = self._shown(
            Query(scope.stored.name, where, ()), scope.declared, options, operands, conditions, applying
        )
        if not question.query.computed:
            return question.projection, None
        return question.projection, (question.query, Paging(tuple(operands.parameters), limit=1, now=now))

    def property(
        self,
        scope: Scope,
        key: str,
        item: SelectItem,
        options: Options,
        *,
        include_unknown: bool,
        texts: bool,
        now: int,
    ) -> tuple[Projection, tuple[Query, Paging] | None]:
        """Understand what is asked of one property of one entity. For the rest see `one`.

        Args:
            item: the property, with the options of the request.
        """
        operands = Operands(self._model, include_unknown=include_unknown, texts=texts)
        conditions = self._conditions(scope, options, operands)
        picking = Picking(conditions, operands, outermost=True)
        with _Clause("select", operands):
            projection = Selecting(self._model, scope.declared, picking=picking).bind((item,))
        if not picking.computed:
            return projection, None
        (column,) = self._order(scope)[1]
        where = Compare(Comparison.EQ, column, operands.parameter(key, Primitive.STRING))
        query = Query(scope.stored.name, where, (), computed=tuple(picking.computed))
        return projection, (query, Paging(tuple(operands.parameters), limit=1, now=now))

    def _conditions(self, scope: Scope, options: Options, operands: Operands) -> Conditions:
        elsewhere = Elsewhere(self._model, self._resources, scope.stored.name)
        return Conditions(self._model, self.row(scope.declared), operands, _aliases(options), elsewhere)

    def row(self, declared: EntityType) -> EntityRow:
        """The names that entities of a type have."""
        row = self._rows.get(declared.name)
        if row is None:
            row = self._rows[declared.name] = EntityRow(self._model, declared)
        return row

    def _order(self, scope: Scope) -> tuple[tuple[Order, ...], tuple[Bound, ...]]:
        """The order that entities have by themselves, and what tells them apart."""
        key = scope.stored.name, scope.declared.name
        order = self._orders.get(key)
        if order is None:
            order = self._orders[key] = _default_order(scope, self.row(scope.declared))
        return order

    def _bind(self, scope: Scope, options: Options, predicates: tuple[Expr, ...], operands: Operands) -> Question:
        conditions = self._conditions(scope, options, operands)
        applying = Applying(conditions, operands, *self._order(scope))
        parts = self._of_scope(scope, operands)
        if predicates:
            with _Clause("filter", operands):
                parts.extend(conditions.condition(predicate) for predicate in predicates)
        if "apply" in options.texts:
            with _Clause("apply", operands):
                transformations = options.apply()
                if parts:
                    applying.steps.append(Keep(_all(parts)))
                    parts = []
                applying.bind(transformations)
        parts.extend(self._asked(options, conditions, applying, operands))
        order = applying.order
        if "orderby" in options.texts:
            with _Clause("orderby", operands):
                order = applying.ordered(options.orderby())
        shown = self._visible(scope) if applying.results is None else None
        query = Query(
            scope.stored.name, _all(parts) if parts else None, order, steps=tuple(applying.steps), shown=shown
        )
        question = self._shown(query, scope.declared, options, operands, conditions, applying)
        selected = question.projection.properties
        if shown is None or selected is None:
            return question
        return replace(question, query=replace(question.query, shown=shown.intersection(selected)))

    def _visible(self, scope: Scope) -> frozenset[str]:
        """The properties that entities of a scope have for clients."""
        names = self._names.get(scope.types)
        if names is None:
            shown = map(self._model.shown_as, scope.types)
            names = self._names[scope.types] = frozenset(item.name for kind in shown for item in kind.all_properties)
        return names

    @staticmethod
    def _asked(options: Options, conditions: Conditions, applying: Applying, operands: Operands) -> Iterator[Bound]:
        """What is demanded of the rows that `$apply` leaves."""
        texts = options.texts
        if "compute" in texts:
            with _Clause("compute", operands):
                applying.bind((Compute(options.compute()),))
        if "search" in texts:
            with _Clause("search", operands):
                search = options.search()
                if search is not None:
                    yield mentions(search, members(conditions.row), operands)
        if "filter" in texts:
            with _Clause("filter", operands):
                condition = options.filter()
                if condition is not None:
                    yield conditions.condition(condition)

    def _of_scope(self, scope: Scope, operands: Operands) -> list[Bound]:
        """What the path demands."""
        parts: list[Bound] = [
            SameText(Column(link.property, Primitive.STRING), operands.parameter(link.value, Primitive.STRING))
            for link in scope.links
        ]
        whole = self._whole.get(scope.stored.name)
        if whole is None:
            whole = self._model.stored_as(self._model.entity(scope.stored.type))
            self._whole[scope.stored.name] = whole
        if scope.types != whole:
            parts.append(TypeIs(scope.types))
        return parts

    def _shown(
        self,
        query: Query,
        declared: EntityType,
        options: Options,
        operands: Operands,
        conditions: Conditions,
        applying: Applying,
    ) -> Question:
        """What each row shows."""
        if not conditions.computed and applying.results is None and "select" not in options.texts:
            return Question(query, EVERYTHING, None, conditions.timed)
        computed = tuple(conditions.computed.values())
        shown = tuple(
            Shown((item.name,), item.bound.type or Primitive.STRING, place) for place, item in enumerate(computed)
        )
        values: tuple[Bound | Positions, ...] = tuple(item.bound for item in computed)
        items, results = options.select(), applying.results
        if results is None:
            projection = Projection(computed=shown) if shown else EVERYTHING
            if items:
                picking = Picking(conditions, operands, len(values))
                with _Clause("select", operands):
                    projection = Selecting(self._model, declared, shown, picking).bind(items)
                values += tuple(picking.computed)
            if values:
                query = replace(query, computed=values)
            return Question(query, projection, None, conditions.timed)
        width = len(results)
        results += tuple(Shown(item.path, item.type, width + item.place) for item in shown)
        if items:
            results = select_results(items, results)
        projection = Projection(written=",".join("/".join(item.path) for item in results))
        return Question(replace(query, computed=values), projection, results, conditions.timed)


class _Clause:
    """Puts what goes wrong in the words of the query option that is being bound (contract §4.5)."""

    __slots__ = ("_name", "_operands")

    def __init__(self, name: str, operands: Operands) -> None:
        self._name = name
        self._operands = operands

    def __enter__(self) -> None:
        self._operands.clause = self._name

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            return
        words, target = f"Invalid {self._operands.clause} clause", f"${self._operands.clause}"
        match error:
            case ClauseFault():
                raise error.answer(words, target) from error
            case SyntaxFault(target=None):
                raise SyntaxFault(error.message, target=target, position=error.position) from error
            case NotBuilt(target=None) | NotBuilt(position=None):
                raise NotBuilt(f"{words}: {error.message}", target=target, position=error.position) from error
            case _:
                pass


def _aliases(options: Options) -> Mapping[str, Expr]:
    if not options.aliases:
        return _NOTHING
    found: dict[str, Expr] = {}
    for name in options.aliases:
        try:
            expression = options.alias(name)
        except SyntaxFault as fault:
            raise SyntaxFault(fault.message, target=f"@{name}", position=fault.position) from fault
        if expression is not None:
            found[name] = expression
    return found


def _default_order(scope: Scope, row: EntityRow) -> tuple[tuple[Order, ...], tuple[Bound, ...]]:
    """The order of a stored set, and its key, which tells entities apart."""
    keys: list[Order] = []
    for name in scope.stored.default_order:
        found = row.find(name.removeprefix("-"))
        if not isinstance(found, Column):
            raise TypeError(f"{name} cannot order a set by default")
        keys.append(Order(found, name.startswith("-")))
    key = row.find(scope.declared.key_property.name)
    if not isinstance(key, Column):
        raise TypeError(f"the key of {scope.declared.name} is no plain property")
    return (*keys, Order(key, bool(keys) and keys[-1].descending)), (key,)


def _all(conditions: list[Bound]) -> Bound:
    found, *others = conditions
    for condition in others:
        found = Combine(Logic.AND, found, condition)
    return found
