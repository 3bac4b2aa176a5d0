"""Requests bound to the observatory, and bound expressions spelt so that tests can be read."""

from typing import Any, assert_never

from enrollscope.odata.binding.binder import Asked, Binder
from enrollscope.odata.edm.model import Model
from enrollscope.odata.grammar.options import parse_options
from enrollscope.odata.plan.bound import (
    Arithmetic,
    Bound,
    Built,
    Call,
    Case,
    Cast,
    CollectionCall,
    Column,
    Combine,
    Compare,
    Composite,
    Field,
    In,
    Inside,
    Joined,
    Listed,
    Mentions,
    Negate,
    Not,
    Null,
    OfRow,
    OfType,
    Parameter,
    Part,
    Present,
    Quantified,
    Same,
    SameText,
    ScalarType,
    Size,
    Source,
    TypeIs,
    Whole,
)
from enrollscope.odata.plan.commands import ALWAYS, Precondition
from enrollscope.odata.plan.queries import Cut, Group, Keep, Order, Positions, Rank, Step
from enrollscope.odata.plan.requests import Plan, ReadCollection
from enrollscope.odata.protocol.cursors import CursorSigner
from enrollscope.odata.protocol.headers import Preferences, ProtocolVersion
from tests.odata.observatory import CURRENT

SIGNER = CursorSigner(b"secret")
TENANT = "tenant"
PATH = "chief/gear"
"""A collection of everything."""


def bind(
    path: str,
    query: str = "",
    *,
    method: str = "GET",
    model: Model = CURRENT,
    preferences: Preferences | None = None,
    precondition: Precondition = ALWAYS,
    page_size: int = 100,
    version: ProtocolVersion = ProtocolVersion.V4,
) -> Plan:
    """Bind a request of one tenant."""
    return Binder(model, SIGNER).bind(
        Asked(
            method=method,
            path=path,
            options=parse_options(query),
            preferences=preferences or Preferences(),
            precondition=precondition,
            tenant=TENANT,
            user=None,
            page_size=page_size,
            version=version,
        )
    )


def bind_list(query: str, path: str = PATH, **named: Any) -> ReadCollection:
    """Bind a GET of a collection."""
    plan = bind(path, query, **named)
    assert isinstance(plan, ReadCollection)
    return plan


def condition(text: str, **named: Any) -> str:
    """The bound form of a filter."""
    plan = bind_list(f"$filter={text.replace('+', '%2B')}", **named)
    assert plan.query.where is not None
    return shape(plan.query.where, plan.paging.parameters)


def shape(bound: Bound, parameters: tuple[Any, ...]) -> str:
    """An expression in parentheses, operator first; a literal is its stored value and type."""
    match bound:
        case Column(name):
            return name
        case Parameter(index, kind):
            return f"{parameters[index]!r}:{_short(kind)}"
        case Null():
            return "null"
        case Field(index):
            return f"field{index}"
        case Inside(source):
            return spelt_source(source)
        case Same(left, right):
            return f"(same {_whole(left, parameters)} {_whole(right, parameters)})"
        case CollectionCall(name, arguments):
            return f"({' '.join([name, *(_whole(item, parameters) for item in arguments)])})"
        case _:
            word, operands = _operation(bound)
            return f"({' '.join([word, *(shape(item, parameters) for item in operands)])})"


def _whole(composite: Composite, parameters: tuple[Any, ...]) -> str:
    """A composite value: `[a b]`, `{name=a}`, `mount`, `stringList[#1 (…)]` of those elements alone."""
    match composite:
        case Whole(source, kept=kept):
            some = "" if kept is None else f"[#{kept[0]} {shape(kept[1], parameters)}]"
            return f"{spelt_source(source)}{some}"
        case Listed(items):
            return f"[{' '.join(_item(item, parameters) for item in items)}]"
        case Built(members):
            return f"{{{' '.join(f'{name}={_item(item, parameters)}' for name, item in members)}}}"
        case Joined(left, right):
            return f"(join {_whole(left, parameters)} {_whole(right, parameters)})"
        case Part(of, start, length):
            numbers = [start] if length is None else [start, length]
            return f"(part {_whole(of, parameters)} {' '.join(shape(item, parameters) for item in numbers)})"
        case _:
            assert_never(composite)


def _item(item: Bound | Composite, parameters: tuple[Any, ...]) -> str:
    if isinstance(item, Whole | Listed | Built | Joined | Part):
        return _whole(item, parameters)
    return shape(item, parameters)


def _operation(bound: Bound) -> tuple[str, tuple[Bound, ...]]:
    match bound:
        case Compare(operator, left, right) | Combine(operator, left, right):
            return operator.value, (left, right)
        case Arithmetic(operation, left, right, kind):
            return f"{operation.value}:{_short(kind)}", (left, right)
        case SameText(left, right):
            return "same", (left, right)
        case Not(operand):
            return "not", (operand,)
        case Negate(operand):
            return "-", (operand,)
        case In(operand, items):
            return "in", (operand, *items)
        case Call(name, arguments):
            return name, arguments
        case TypeIs(types):
            return f"is {'|'.join(sorted(types))}", ()
        case OfRow(where, operand):
            return "of-row", (where, operand)
        case OfType(operand, types):
            return f"of {'|'.join(sorted(types))}", (operand,)
        case _:
            return _structured(bound)


def _structured(bound: Bound) -> tuple[str, tuple[Bound, ...]]:
    match bound:
        case Quantified(quantifier, source, variable, predicate):
            return f"{quantifier.value} #{variable} {spelt_source(source)}", () if predicate is None else (predicate,)
        case Size(source, variable, predicate):
            return f"count #{variable} {spelt_source(source)}", () if predicate is None else (predicate,)
        case Present(source):
            return f"present {spelt_source(source)}", ()
        case Case(branches, otherwise):
            return "case", (*(part for branch in branches for part in branch), otherwise)
        case Cast(operand, kind):
            return f"cast:{_short(kind)}", (operand,)
        case Mentions(text, values):
            return "mentions", (text, *values)
        case _:
            raise AssertionError(f"no spelling for {bound}")


def spelt_source(source: Source) -> str:
    """Where something is found: `mount/maker`, `#1/maker` inside of an element, `(dish)mount` in rows of a type."""
    start = source.of if isinstance(source.of, str) else f"#{source.of}"
    types = "" if source.types is None else f"({'|'.join(sorted(source.types))})"
    return types + "/".join((start, *source.path))


def spelt_positions(wanted: Positions, parameters: tuple[Any, ...]) -> str:
    """What is picked out of a collection: `#1 of mount/motors where … by … skip … top … with …`."""
    parts = [f"#{wanted.variable} of {spelt_source(wanted.source)}"]
    if wanted.where is not None:
        parts.append(f"where {shape(wanted.where, parameters)}")
    if wanted.order:
        parts.append(f"by {order_of(wanted.order, parameters)}")
    for word, bounds in (("skip", (wanted.skip,)), ("top", (wanted.top,)), ("with", wanted.values)):
        parts += [f"{word} {shape(bound, parameters)}" for bound in bounds if bound is not None]
    return " ".join(parts)


def steps_of(plan: ReadCollection) -> list[str]:
    """The steps of a question, each in one text."""
    return [_step(step, plan.paging.parameters) for step in plan.query.steps]


def order_of(order: tuple[Order, ...], parameters: tuple[Any, ...] = ()) -> str:
    """The keys of an order, `-` in front of those that descend."""
    return " ".join(f"{'-' if key.descending else ''}{shape(key.expression, parameters)}" for key in order)


def _step(step: Step, parameters: tuple[Any, ...]) -> str:
    match step:
        case Keep(where):
            return f"keep {shape(where, parameters)}"
        case Cut(order, skip, top):
            cuts = (("skip", skip), ("top", top))
            parts = [f"{name} {shape(bound, parameters)}" for name, bound in cuts if bound is not None]
            return f"{' '.join(parts)} of {order_of(order, parameters)}"
        case Rank(until, order, amount):
            return f"until {until.value} {shape(amount, parameters)} of {order_of(order, parameters)}"
        case Group(keys, aggregates):
            made = [
                " ".join([item.method.value, *([] if item.operand is None else [shape(item.operand, parameters)])])
                + f":{_short(item.type)}"
                for item in aggregates
            ]
            return f"group {' '.join(shape(key, parameters) for key in keys)} | {', '.join(made)}"
        case _:
            assert_never(step)


def _short(kind: ScalarType) -> str:
    return kind.name_in_model.rpartition(".")[2]
