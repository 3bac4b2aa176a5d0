"""Structured values and collections as wholes, in SQL: they are JSON, as in the columns that hold them."""

from typing import assert_never

from sqlalchemy import literal

from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.plan.bound import (
    Bound,
    Built,
    CollectionCall,
    Composite,
    Joined,
    Listed,
    Null,
    Part,
    Same,
    Whole,
)
from enrollscope.store.dialects import Dialect, Sql, own_function
from enrollscope.store.schema import BOOLEAN, TEXT, scalar_type
from enrollscope.store.structured import Structured, Translator

_MOST_ITEMS = 100
"""Arguments of one call of a function."""


class Composites:
    """Translates what compares composite values, and makes them."""

    def __init__(self, dialect: Dialect, translator: Translator, structured: Structured) -> None:
        self._dialect = dialect
        self._translator = translator
        self._structured = structured

    def value(self, bound: Same | CollectionCall) -> Sql:
        """The value of an expression."""
        match bound:
            case Same(left=left, right=right):
                return own_function("same", BOOLEAN, self._json(left), self._json(right))
            case CollectionCall(name=name, arguments=arguments, type=kind):
                return own_function(f"collection_{name}", scalar_type(kind), *map(self._json, arguments))
            case _:
                assert_never(bound)

    def _json(self, composite: Composite) -> Sql:
        match composite:
            case Whole():
                return self._structured.whole(composite)
            case Listed(items=items):
                return self._list([self._item(item) for item in items])
            case Built(members=members):
                names = [self._dialect.json_item(literal(name, TEXT), Primitive.STRING) for name, _ in members]
                values = [self._item(item) for _, item in members]
                return self._dialect.json_object(self._list(names), self._list(values))
            case Joined(left=left, right=right):
                return self._dialect.json_function("collection_concat", self._json(left), self._json(right))
            case Part(of=of, start=start, length=length):
                numbers = [self._translator.value(item) for item in (start, length) if item is not None]
                return self._dialect.json_function("collection_substring", self._json(of), *numbers)
            case _:
                assert_never(composite)

    def _item(self, item: Bound | Composite) -> Sql:
        if isinstance(item, Whole | Listed | Built | Joined | Part):
            return self._dialect.json_or_null(self._json(item))
        kind = item.type
        if isinstance(kind, EnumType):
            raise TypeError("members of enumerations are items by their names")
        if kind is None or isinstance(item, Null):
            return self._dialect.json_or_null(None)
        return self._dialect.json_item(self._translator.value(item), kind)

    def _list(self, items: list[Sql]) -> Sql:
        if len(items) <= _MOST_ITEMS:
            return self._dialect.json_list(items)
        half = len(items) // 2
        return self._dialect.json_function("collection_concat", self._list(items[:half]), self._list(items[half:]))
