"""Questions to SQL: compiled for each shape, then run on the bare driver with values alone.

Once for every database, but for the JSON of pages, which only SQLite is asked for.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import (
    Select,
    Table,
    UnaryExpression,
    and_,
    bindparam,
    case,
    cast,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    tuple_,
)

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.errors import BadRequest, NotBuilt
from enrollscope.odata.json.text_form import TextForm
from enrollscope.odata.plan.bound import Bound
from enrollscope.odata.plan.queries import Order, Paging, Query, Step
from enrollscope.store.dialects import Dialect, Sql
from enrollscope.store.expressions import Expressions
from enrollscope.store.index_reading import Lookup
from enrollscope.store.json_text import entity_text
from enrollscope.store.names import quoted
from enrollscope.store.rows import Rows
from enrollscope.store.schema import BINARY, INTEGER, TEXT

_CACHED_SHAPES = 512
_MOST_ROWS = 2**63 - 1

_INEXACT_IN_JSON = frozenset((Primitive.SINGLE, Primitive.DOUBLE, Primitive.BINARY))
"""Types whose stored values JSON does not give back as they were."""

Source: TypeAlias = Callable[[str, Paging], Any]

Nulls: TypeAlias = tuple[bool, ...]
"""Which values of `Paging.after` are null: part of the shape, because SQL compares null otherwise."""


@dataclass(frozen=True, slots=True)
class Statement:
    """Text for a driver, and where each of its values comes from, in order.

    Attributes:
        places: of a page, where in a row of the answer each value of a record stands; `None`: it was not asked for.
    """

    text: str
    sources: tuple[Source, ...]
    places: tuple[int | None, ...] = ()

    def values(self, tenant: str, paging: Paging) -> tuple[Any, ...]:
        """The values to run it with."""
        return tuple([source(tenant, paging) for source in self.sources])

    def columns(self, rows: Sequence[Iterable[Any]]) -> list[Sequence[Any]]:
        """What `Page.columns` is, of the rows that the driver gave for a page."""
        if not rows:
            return []
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        nothing = [None] * len(rows)
        return [nothing if place is None else columns[place] for place in self.places]


class Statements:
    """Compiles questions and remembers the latest shapes.

    Belongs to one thread: the one of the event loop.

    Args:
        lookups: the index tables of those stored sets that have one.
    """

    def __init__(
        self,
        layouts: Mapping[str, Layout],
        tables: Mapping[str, Table],
        dialect: Dialect,
        lookups: Mapping[str, Lookup] = MappingProxyType({}),
    ) -> None:
        self._layouts = layouts
        self._tables = tables
        self._dialect = dialect
        self._lookups = lookups
        self._pages: OrderedDict[tuple[Query, Nulls, int | None], Statement] = OrderedDict()
        self._texts: OrderedDict[tuple[Query, Nulls, TextForm], Statement] = OrderedDict()
        self._counts: OrderedDict[tuple[str, tuple[Step, ...], Bound | None], Statement] = OrderedDict()

    def page(self, query: Query, paging: Paging, *, of_that_size: bool = False) -> Statement:
        """The statement for a page: the columns of a record, then the values of the order keys.

        Args:
            of_that_size: how large it is stands in the text, for a database that plans without the values; nothing is
                skipped.
        """
        nulls = tuple([value is None for value in paging.after]) if query.resumed else ()
        size = paging.limit if of_that_size else None
        return _remembered(self._pages, (query, nulls, size), lambda: self._compile_page(query, nulls, size))

    def text(self, query: Query, paging: Paging, form: TextForm) -> Statement | None:
        """The statement for the JSON of a page, on SQLite.

        `None` where the rows are not those of the table, or the keys of the order cannot be JSON. Otherwise it gives
        one row: the entities, all but the last of `Paging.limit`, with commas between; how many they are; of how many
        the form says the text; and where they are as many as may be, the order keys of the last of them and of the one
        that follows, if there is one.
        """
        plain = not query.computed and not query.steps and all(map(_is_exact_in_json, query.order))
        if not plain:
            return None
        nulls = tuple([value is None for value in paging.after]) if query.resumed else ()
        return _remembered(self._texts, (query, nulls, form), lambda: self._compile_text(query, nulls, form))

    def count(self, query: Query) -> Statement:
        """The statement for how many records match."""
        return _remembered(self._counts, (query.stored, query.steps, query.where), lambda: self._compile_count(query))

    def _compile_page(self, query: Query, nulls: Nulls, size: int | None) -> Statement:
        rows, keys, ordered = self._sorted(query, nulls)
        further = [rows.expressions.shown(item) for item in query.computed]
        hidden = frozenset() if query.shown is None else self._layouts[query.stored].places_without(query.shown)
        columns = enumerate([*rows.columns, *further, *keys])
        asked, places = _once([None if place in hidden else column for place, column in columns])
        statement = rows.select(*(column.label(None) for column in asked)).order_by(*ordered)
        if size is None:
            statement = _limited(statement, "odata_limit", "odata_skip")
        else:
            statement = statement.limit(literal_column(str(size), INTEGER))
        return replace(self._compile(statement), places=places)

    def _compile_text(self, query: Query, nulls: Nulls, form: TextForm) -> Statement:
        rows, keys, ordered = self._sorted(query, nulls)
        table = self._tables[query.stored]
        entity = literal_column(entity_text(form, lambda name: f"{quoted(table.name)}.{quoted(name)}"), TEXT)
        entities = rows.select(entity.label("entity")).order_by(*ordered)
        one_by_one = _limited(entities, "odata_size", "odata_skip").subquery()
        number = func.count()
        # Texts are joined in the order of the rows: a subquery with a limit gives them in its own.
        page = select(
            cast(func.group_concat(one_by_one.c.entity, literal_column("','")), BINARY).label("entities"),
            number.label("number"),
            func.count(one_by_one.c.entity).label("said"),
        ).subquery()
        two = _limited(rows.select(*(key.label(None) for key in keys)).order_by(*ordered), "odata_pair", "odata_last")
        last = two.subquery()
        places = select(func.json_group_array(func.json_array(*last.c))).scalar_subquery()
        full = page.c.number == bindparam("odata_size", type_=INTEGER)
        # The second search, which an index answers, is made for a full page alone.
        return self._compile(select(page.c.entities, page.c.number, page.c.said, case((full, places))))

    def _sorted(self, query: Query, nulls: Nulls) -> tuple[Rows, list[Sql], list[UnaryExpression[Any]]]:
        """The rows that match, the keys of their order, and the order."""
        rows = self._rows(query)
        expressions = rows.expressions
        keys = [expressions.comparable(key.expression) for key in query.order]
        if query.where is not None:
            rows.keep(expressions.holds(query.where))
        if query.resumed:
            rows.keep(_behind(query.order, keys, nulls, expressions))
        ordered = [
            self._dialect.ordered(key, descending=order.descending)
            for key, order in zip(keys, query.order, strict=True)
        ]
        return rows, keys, ordered

    def _compile_count(self, query: Query) -> Statement:
        rows = self._rows(query, counted=True)
        if query.where is not None:
            rows.keep(rows.expressions.holds(query.where))
        return self._compile(rows.count())

    def _rows(self, query: Query, *, counted: bool = False) -> Rows:
        lookup = self._lookups.get(query.stored)
        read = None if lookup is None else (lookup, lookup.reading(query, counted=counted))
        rows = Rows(self._layouts[query.stored], self._tables[query.stored], self._dialect, read)
        rows.take(query.steps)
        return rows

    def _compile(self, statement: Select[Any]) -> Statement:
        compiled = statement.compile(dialect=self._dialect.compiler)
        constants = compiled.params
        return Statement(str(compiled), tuple(_source(name, constants) for name in compiled.positiontup or ()))


def _once(columns: Sequence[Sql | None]) -> tuple[list[Sql], tuple[int | None, ...]]:
    """Each column that is not `None` once, and for each of all where it stands."""
    # By identity, since `==` of two of them is a condition in SQL.
    found = {id(column): column for column in columns if column is not None}
    numbers = {each: number for number, each in enumerate(found)}
    return list(found.values()), tuple(numbers.get(id(column)) for column in columns)


def _is_exact_in_json(key: Order) -> bool:
    kind = key.expression.type
    return isinstance(kind, EnumType) or (kind is not None and kind not in _INEXACT_IN_JSON)


def _limited(statement: Select[Any], limit: str, offset: str) -> Select[Any]:
    return statement.limit(bindparam(limit, type_=INTEGER)).offset(bindparam(offset, type_=INTEGER))


def _behind(order: tuple[Order, ...], keys: list[Sql], nulls: Nulls, expressions: Expressions) -> Sql:
    """What comes strictly after the last record seen.

    Where it can be, this is one comparison of rows, which an index answers by going there and reading on, so that page
    10,000 costs what page 1 does. A key that may be null needs the long form.
    """
    values = [expressions.comparable_parameter(f"odata_after_{n}", key.expression) for n, key in enumerate(order)]
    plain = not any(nulls) and not any(expressions.nullable(key.expression) for key in order)
    if plain and len({key.descending for key in order}) == 1:
        left, right = tuple_(*keys), tuple_(*values)
        return left < right if order[0].descending else left > right
    condition: Sql = false()
    for place in reversed(range(len(order))):
        after = _after(order[place], keys[place], values[place], null_seen=nulls[place])
        equal = keys[place].is_(null()) if nulls[place] else keys[place] == values[place]
        condition = or_(after, and_(equal, condition))
    if nulls[0] or expressions.nullable(order[0].expression):
        return condition
    # Says nothing new, but an index on the first key can use it.
    return and_(keys[0] <= values[0] if order[0].descending else keys[0] >= values[0], condition)


def _after(key: Order, expression: Sql, value: Sql, *, null_seen: bool) -> Sql:
    """Null is lowest: nothing comes after it in descending order, everything but null in ascending order."""
    if null_seen:
        return false() if key.descending else expression.is_not(null())
    return or_(expression < value, expression.is_(null())) if key.descending else expression > value


def _source(name: str, constants: Mapping[str, Any]) -> Source:
    """Where the value of an SQL parameter comes from when the statement runs."""
    match name.split("_"):
        case ["odata", "given", index]:
            place = int(index)
            return lambda _, paging: _checked(paging.parameters[place])
        case ["odata", "after", index]:
            place = int(index)
            return lambda _, paging: paging.after[place]
        case ["odata", "tenant"]:
            return lambda tenant, _: tenant
        case ["odata", "limit"]:
            return lambda _, paging: min(paging.limit, _MOST_ROWS)
        case ["odata", "skip"]:
            return lambda _, paging: min(paging.skip, _MOST_ROWS)
        case ["odata", "size"]:
            return lambda _, paging: min(paging.limit, _MOST_ROWS) - 1
        case ["odata", "last"]:
            return lambda _, paging: min(paging.skip + paging.limit, _MOST_ROWS) - 2
        case ["odata", "pair"]:
            return lambda *_: 2
        case ["odata", "now"]:
            return lambda _, paging: paging.now
        case _:
            constant = constants[name]
            return lambda *_: constant


def _checked(value: Any) -> Any:
    """A literal of the client, unless no database of ours could be asked about it."""
    if isinstance(value, str) and "\0" in value:
        raise BadRequest("A string in the query holds the character U+0000, which no value here can.")
    if isinstance(value, float) and math.isnan(value):
        raise NotBuilt("NaN is not offered in queries; nothing equals it.")
    return value


def told_total(query: Query, paging: Paging, found: int) -> int | None:
    """How many records match in all, where a page tells by itself: the first one, with room left on it."""
    if query.resumed or found >= paging.limit or (paging.skip and not found):
        return None
    return paging.skip + found


Shape = TypeVar("Shape", bound=Hashable)


def _remembered(
    cache: OrderedDict[Shape, Statement], shape: Shape, compile_shape: Callable[[], Statement]
) -> Statement:
    try:
        found = cache.get(shape)
        if found is None:
            found = cache[shape] = compile_shape()
            if len(cache) > _CACHED_SHAPES:
                cache.popitem(last=False)
        else:
            cache.move_to_end(shape)
    except RecursionError as error:
        raise BadRequest("The query is nested deeper than can be answered. Ask in several steps.") from error
    return found
