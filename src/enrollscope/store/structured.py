"""What is inside of structured values and collections, which the store keeps as JSON text, in SQL."""

from typing import Protocol, assert_never

from sqlalchemy import ColumnElement, case, false, func, literal, null, select, true
from sqlalchemy.sql.elements import Grouping
from sqlalchemy.sql.selectable import TableValuedAlias

from enrollscope.odata.edm.model import EnumType, Primitive
from enrollscope.odata.plan.bound import Bound, Inside, Present, Quantified, Quantifier, ScalarType, Size, Source, Whole
from enrollscope.odata.plan.queries import Positions
from enrollscope.store.dialects import Dialect, Sql
from enrollscope.store.schema import BOOLEAN, INTEGER, TEXT


class Translator(Protocol):
    """What translates the rest of an expression."""

    def holds(self, bound: Bound) -> Sql:
        """A condition for WHERE."""
        ...

    def value(self, bound: Bound) -> Sql:
        """The value of an expression."""
        ...

    def comparable(self, bound: Bound) -> Sql:
        """A value by which rows can be ordered."""
        ...

    def column(self, name: str) -> Sql:
        """The column of a property."""
        ...

    def type_is(self, types: frozenset[str]) -> Sql:
        """The row's stored type is one of these."""
        ...


class Structured:
    """Translates what looks into structured values of the rows that `translator` knows."""

    def __init__(self, dialect: Dialect, translator: Translator) -> None:
        self._dialect = dialect
        self._translator = translator
        self._elements: dict[int, Sql] = {}

    def value(self, bound: Inside | Present | Quantified | Size) -> Sql:
        """The value of an expression."""
        match bound:
            case Inside(source=source, type=kind):
                return self._scalar(source, kind)
            case Present(source=source):
                return self._dialect.inside(self._origin(source), source.path, Primitive.STRING).is_not(null())
            case Quantified():
                return self._quantified(bound)
            case Size():
                return self._size(bound)
            case _:
                assert_never(bound)

    def whole(self, bound: Whole) -> Sql:
        """A structured value or a collection as JSON that can be compared."""
        if bound.kept is None:
            found = self._dialect.structure(self._origin(bound.source), bound.source.path)
        else:
            variable, condition = bound.kept
            elements = self._alias(bound.source, variable)
            items = select(self._dialect.json_of_elements(elements)).select_from(elements).correlate_except(elements)
            found = items.where(self._of_each(elements, self._translator.holds(condition))).scalar_subquery()
        return func.coalesce(found, self._dialect.json_list([])) if bound.collection else found

    def _scalar(self, source: Source, kind: ScalarType) -> Sql:
        """A scalar, in the form in which a column of its own would hold it."""
        if isinstance(kind, EnumType):
            text = self._dialect.inside(self._origin(source), source.path, Primitive.STRING)
            names = [(item.name, item.value) for item in (*kind.members, *kind.hidden)]
            return case(*((text == literal(name, TEXT), literal(number, INTEGER)) for name, number in names))
        return self._dialect.inside(self._origin(source), source.path, kind)

    def _quantified(self, bound: Quantified) -> Sql:
        """`any` or `all`."""
        elements = self._alias(bound.source, bound.variable)
        found = select(literal(1, INTEGER)).select_from(elements).correlate_except(elements)
        if bound.quantifier is Quantifier.ANY:
            if bound.predicate is not None:
                found = found.where(self._of_each(elements, self._translator.holds(bound.predicate)))
            return found.exists()
        if bound.predicate is None:
            return true()
        truth: ColumnElement[bool] = func.coalesce(self._translator.value(bound.predicate), false(), type_=BOOLEAN)
        return ~found.where(self._of_each(elements, ~Grouping(truth))).exists()

    def _size(self, bound: Size) -> Sql:
        """How many elements there are."""
        elements = self._alias(bound.source, bound.variable)
        found = select(func.count(type_=INTEGER)).select_from(elements).correlate_except(elements)
        if bound.predicate is not None:
            found = found.where(self._of_each(elements, self._translator.holds(bound.predicate)))
        return found.scalar_subquery()

    def positions(self, wanted: Positions) -> Sql:
        """Which elements are picked out, as JSON text."""
        elements = self._alias(wanted.source, wanted.variable)
        position = self._dialect.position_of(elements)
        entry = position
        if wanted.values:
            entry = self._dialect.json_array([position, *(self._translator.value(item) for item in wanted.values)])
        found = select(entry.label("entry")).select_from(elements).correlate_except(elements)
        if wanted.where is not None:
            found = found.where(self._of_each(elements, self._translator.holds(wanted.where)))
        keys = [
            self._dialect.ordered(self._translator.comparable(key.expression), descending=key.descending)
            for key in wanted.order
        ]
        found = found.order_by(*keys, position)
        if wanted.top is not None:
            found = found.limit(self._translator.value(wanted.top))
        if wanted.skip is not None:
            found = found.offset(self._translator.value(wanted.skip))
        entries = found.subquery()
        return select(self._dialect.json_of_rows(entries.c.entry)).scalar_subquery()

    def _of_each(self, elements: TableValuedAlias, condition: Sql) -> Sql:
        """A condition that is looked at for each element.

        One that does not speak of them PostgreSQL would look at before, and refuse it even where there are none.
        """
        return case((self._dialect.position_of(elements).is_not(null()), condition))

    def _alias(self, source: Source, variable: int) -> TableValuedAlias:
        """The elements of a collection, one a row; from here on `variable` is known as one of them."""
        elements = self._dialect.elements(self._origin(source), source.path, f"element_{variable}")
        self._elements[variable] = elements.c.value
        return elements

    def _origin(self, source: Source) -> Sql:
        """The JSON from which the path of a source goes on."""
        if isinstance(source.of, int):
            return self._elements[source.of]
        column = self._translator.column(source.of)
        return column if source.types is None else case((self._translator.type_is(source.types), column))
