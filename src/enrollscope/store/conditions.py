"""Conditions in SQL, joined."""

from sqlalchemy import and_, false, or_, true
from sqlalchemy.sql.elements import Grouping

from enrollscope.odata.plan.bound import Logic
from enrollscope.store.dialects import Sql
from enrollscope.store.schema import BOOLEAN

_FLAT = 64


def balanced(logic: Logic, conditions: list[Sql]) -> Sql:
    """Join conditions, many of them as a tree that is as flat as can be: databases bound the depth of an expression."""
    if not conditions:
        return false() if logic is Logic.OR else true()
    if len(conditions) <= _FLAT:
        return Grouping(or_(*conditions) if logic is Logic.OR else and_(*conditions))
    # Joined by an operator that SQLAlchemy takes for a custom one: chains of its own it would flatten again.
    join = "OR" if logic is Logic.OR else "AND"
    half = len(conditions) // 2
    left, right = balanced(logic, conditions[:half]), balanced(logic, conditions[half:])
    return Grouping(left.op(join, return_type=BOOLEAN)(right))
