"""`$apply` bound: transformations to the steps of a query (OData Extension for Data Aggregation 4.0)."""

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias, assert_never

from enrollscope.odata.binding.aggregates import aggregation, grouping_key
from enrollscope.odata.binding.conditions import Conditions
from enrollscope.odata.binding.operands import ClauseFault, Operands
from enrollscope.odata.binding.rows import Branch, Found, members
from enrollscope.odata.binding.searching import mentions
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.errors import NotBuilt
from enrollscope.odata.grammar.expr import AggregateItem, Expr, OrderByItem
from enrollscope.odata.grammar.expr import Path as ParsedPath
from enrollscope.odata.grammar.transformations import (
    Aggregate,
    Compute,
    Concat,
    Custom,
    Filter,
    GroupBy,
    Hierarchy,
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
from enrollscope.odata.plan.bound import Bound, Field, Parameter, ScalarType
from enrollscope.odata.plan.promotion import INTEGERS, NUMBERS
from enrollscope.odata.plan.queries import Aggregation, Cut, Group, Keep, Order, Rank, Step, Until
from enrollscope.odata.plan.requests import Shown

_Tree: TypeAlias = dict[str, "tuple[str, Bound | _Tree]"]
"""Name in lower case → name as written, and what it is or has inside."""


class Applying:
    """Binds the transformations of one request, one after the other.

    Args:
        order: of the rows at the start, total.
        identity: what tells those rows apart.

    Attributes:
        steps: what the transformations come to.
        order: total, of the rows as they are now.
        results: what the rows show once they are those of a grouping.
    """

    def __init__(
        self, conditions: Conditions, operands: Operands, order: tuple[Order, ...], identity: tuple[Bound, ...]
    ) -> None:
        self.steps: list[Step] = []
        self.order = order
        self.results: tuple[Shown, ...] | None = None
        self._conditions = conditions
        self._operands = operands
        self._identity = identity

    def bind(self, transformations: Sequence[Transformation]) -> None:
        """Understand a sequence of transformations.

        Raises:
            ClauseFault: a name or type is wrong.
            NotBuilt: a transformation that is not offered.
        """
        for item in transformations:
            self._bind(item)

    def ordered(self, items: Sequence[OrderByItem]) -> tuple[Order, ...]:
        """An order, made total by what tells the rows apart; without items the one the rows have."""
        if not items:
            return self.order
        keys = [Order(self._conditions.value(item.expression), item.descending) for item in items]
        return self._total(keys)

    def _total(self, keys: list[Order]) -> tuple[Order, ...]:
        for expression in self._identity:
            if not any(item.expression == expression for item in keys):
                # In the direction of the last key, so that one index serves both and can be read either way.
                keys.append(Order(expression, bool(keys) and keys[-1].descending))
        return tuple(keys)

    def _bind(self, item: Transformation) -> None:
        match item:
            case Identity():
                pass
            case Filter(predicate=predicate):
                self.steps.append(Keep(self._conditions.condition(predicate)))
            case SearchStep(search=search):
                self.steps.append(Keep(mentions(search, members(self._conditions.row), self._operands)))
            case Compute(items=computed):
                for each in computed:
                    before = self._conditions.nodes
                    bound = self._conditions.computed_value(each.expression)
                    self._conditions.compute(each.alias, bound, self._conditions.nodes - before)
            case OrderBy(items=keys):
                self.order = self.ordered(keys)
            case Window(kind=kind, count=count):
                bound = self._operands.parameter(count, Primitive.INT64)
                skip, top = (bound, None) if kind == "skip" else (None, bound)
                self.steps.append(Cut(self.order, skip, top))
            case Ranking():
                self._rank(item)
            case GroupBy():
                self._group_by(item)
            case Aggregate(items=aggregates):
                self._group([], aggregates)
            case Concat() | Nest() | Join() | Hierarchy() | Traverse() | Custom():
                raise NotBuilt(f"The transformation '{type(item).__name__.lower()}' is not offered.", target="$apply")
            case _:
                assert_never(item)

    def _rank(self, item: Ranking) -> None:
        """`topcount` and its kin; they leave their order behind."""
        descending, kind = item.kind.startswith("top"), item.kind.removeprefix("top").removeprefix("bottom")
        value = self._conditions.value(item.value)
        self.order = self._total([Order(value, descending)])
        if kind == "count":
            self.steps.append(Cut(self.order, None, self._amount(item.amount, INTEGERS, item.kind)))
            return
        if value.type not in NUMBERS:
            raise ClauseFault(f"'{item.kind}' adds numbers up, and this is none.", item.value.position)
        amount = self._amount(item.amount, NUMBERS, item.kind)
        self.steps.append(Rank(Until(kind), self.order, amount))

    def _amount(self, expression: Expr, kinds: tuple[Primitive, ...], name: str) -> Parameter:
        bound = self._conditions.value(expression)
        if not isinstance(bound, Parameter) or bound.type not in kinds:
            wanted = "an integer" if kinds is INTEGERS else "a number"
            raise ClauseFault(f"'{name}' takes {wanted} as its first argument.", expression.position)
        self._operands.unshareable()
        if float(self._operands.parameters[bound.index]) < 0:
            raise ClauseFault(f"'{name}' takes no negative number.", expression.position)
        return bound

    def _group_by(self, item: GroupBy) -> None:
        paths: list[ParsedPath] = []
        for element in item.elements:
            if isinstance(element, Rollup | RollupRecursive):
                raise NotBuilt("Rolling up is not offered in groupby.", target="$apply")
            paths.append(element)
        match item.steps:
            case ():
                self._group(paths, ())
            case (Aggregate(items=aggregates),):
                self._group(paths, aggregates)
            case _:
                raise NotBuilt("Inside of groupby only aggregate is offered.", target="$apply")

    def _group(self, paths: Sequence[ParsedPath], items: Sequence[AggregateItem]) -> None:
        keys: dict[tuple[str, ...], Bound] = {}
        for path in paths:
            name, bound = grouping_key(path, self._conditions, self.results)
            keys.setdefault(name, self._operands.folded(bound))
        if any(item.steps for item in items):
            self._group_in_turns(keys, items)
            return
        aggregates = [(item.alias or "", aggregation(item, self._conditions, self._operands)) for item in items]
        self._grouped(keys, tuple(keys.values()), aggregates)

    def _group_in_turns(self, keys: dict[tuple[str, ...], Bound], items: Sequence[AggregateItem]) -> None:
        """`aggregate(x with sum from y with average as z)`: the sums for each `y`, and of them the average."""
        if len(items) > 1:
            raise NotBuilt("'from' is offered in an aggregate of one item.", target="$apply")
        (item,) = items
        outer = [
            [self._operands.folded(grouping_key(path, self._conditions, self.results)[1]) for path in step.properties]
            for step in item.steps
        ]
        inner = list(keys.values())
        value = aggregation(item, self._conditions, self._operands)
        for place, step in enumerate(item.steps):
            rest = list(chain.from_iterable(outer[place:]))
            self.steps.append(Group((*inner, *rest), (value,)))
            inner = [Field(index, _kind(key)) for index, key in enumerate(inner)]
            left = len(outer[place])
            fields = [Field(len(inner) + index, _kind(key)) for index, key in enumerate(rest)]
            following = iter(fields[left:])
            outer[place + 1 :] = [[next(following) for _ in keys_of] for keys_of in outer[place + 1 :]]
            operand = Field(len(inner) + len(rest), value.type)
            value = aggregation(AggregateItem(item.expression, step.method), self._conditions, self._operands, operand)
        self._grouped(keys, tuple(inner), [(item.alias or "", value)])

    def _grouped(
        self,
        keys: dict[tuple[str, ...], Bound],
        bound_keys: tuple[Bound, ...],
        aggregates: Sequence[tuple[str, Aggregation]],
    ) -> None:
        self.steps.append(Group(bound_keys, tuple(each for _, each in aggregates)))
        shown = [Shown(name, _kind(key), place) for place, (name, key) in enumerate(keys.items())]
        for alias, each in aggregates:
            shown.append(Shown((alias,), each.type, len(shown)))
        self.results = tuple(shown)
        self._identity = tuple(Field(item.place, item.type) for item in shown[: len(keys)])
        self._conditions.go_on_with(_branch(shown))
        self.order = self._total([])


def _kind(bound: Bound) -> ScalarType:
    return bound.type or Primitive.STRING


def _branch(shown: Sequence[Shown]) -> Branch:
    tree: _Tree = {}
    for item in shown:
        branch = tree
        for name in item.path[:-1]:
            inner = branch.setdefault(name.lower(), (name, {}))[1]
            if not isinstance(inner, dict):
                raise ClauseFault(f"The name '{name}' is taken; an alias needs a name of its own.", 0)
            branch = inner
        last = item.path[-1]
        if last.lower() in branch:
            raise ClauseFault(f"The name '{last}' is taken; an alias needs a name of its own.", 0)
        branch[last.lower()] = last, Field(item.place, item.type)
    return _grown(tree)


def _grown(tree: _Tree) -> Branch:
    members: dict[str, Found] = {
        key: _grown(item) if isinstance(item, dict) else item for key, (_, item) in tree.items()
    }
    return Branch(members, tuple(name for name, _ in tree.values()))
