"""Requests bound to the observatory, and bound expressions spelt so that tests can be read."""

from typing import Any

from enrollscope.odata.binder import Asked, Binder
from enrollscope.odata.bound import (
    Arithmetic,
    Bound,
    Call,
    Column,
    Combine,
    Compare,
    In,
    Negate,
    Not,
    Null,
    OfType,
    Parameter,
    SameText,
    ScalarType,
    TypeIs,
)
from enrollscope.odata.cursors import CursorSigner
from enrollscope.odata.edm import Model
from enrollscope.odata.headers import Preferences
from enrollscope.odata.options import parse_options
from enrollscope.odata.plan import ALWAYS, Plan, Precondition, ReadCollection
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
        case _:
            word, operands = _operation(bound)
            return f"({' '.join([word, *(shape(item, parameters) for item in operands)])})"


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
        case OfType(operand, types):
            return f"of {'|'.join(sorted(types))}", (operand,)
        case _:
            raise AssertionError(f"no spelling for {bound}")


def _short(kind: ScalarType) -> str:
    return kind.name_in_model.rpartition(".")[2]
