"""What an index of all strings of a row can tell of a condition: which rows need not be looked at.

That a text stands somewhere in the row is demanded beside the condition, and never changes what is found.
"""

from collections.abc import Callable, Iterator

from sqlalchemy import ARRAY, SmallInteger, Table, and_, bindparam, func, literal, literal_column, or_, select
from sqlalchemy.sql.elements import Grouping

from enrollscope.odata.edm.layout import Layout
from enrollscope.odata.edm.model import Primitive
from enrollscope.odata.plan.bound import (
    Bound,
    Call,
    Column,
    Combine,
    Inside,
    Logic,
    Mentions,
    OfType,
    Parameter,
    Quantified,
    Quantifier,
)
from enrollscope.store.dialects import Sql, own_function
from enrollscope.store.index_reading import Lookup
from enrollscope.store.index_table import GUID_PARTS, IDS, PART, STRINGS, IndexPart
from enrollscope.store.schema import BOOLEAN, INTEGER, TEXT


class Strings:
    """The strings of the rows of a stored set, as its index table has them."""

    def __init__(self, layout: Layout, rows: Table, lookup: Lookup) -> None:
        self._layout = layout
        self._rows = rows
        self._index = lookup.table.alias()
        self._part_of = {
            source: part
            for part, columns in lookup.form.parts.items()
            for column in columns
            if column.name == STRINGS
            for source in column.sources
            if source not in lookup.form.ids
        }

    def needed(self, condition: Bound, value: Callable[[Bound], Sql]) -> Sql | None:
        """What is true of every row for which a condition holds; `None`: nothing is known.

        Nothing is said of an AND: what each of its sides needs can be asked of another row of the index table.

        Args:
            value: spells what is sought in SQL.
        """
        if isinstance(condition, Combine) and condition.operator is Logic.AND:
            return None
        found = self._found(condition, value)
        if found is None:
            return None
        own = self._index.c
        of_tenant = own.tenant_id == bindparam("odata_tenant", type_=TEXT)
        # Of every part, spelled out, since the part stands before the id in the key by which a row is looked up.
        of_parts = own[PART].in_([literal_column(str(part.value), SmallInteger()) for part in IndexPart])
        return self._rows.c.id.in_(select(own.id).where(of_tenant, of_parts, found))

    def _found(self, condition: Bound, value: Callable[[Bound], Sql]) -> Sql | None:
        """What some row of the index table fulfils."""
        text = text_sought(condition)
        if text is not None:
            return self._somewhere(value(text))
        match condition:
            case Combine(operator=operator):
                found = [self._found(part, value) for part in operands_of(condition)]
                known = [item for item in found if item is not None]
                if operator is Logic.AND:
                    return next(iter(known), None)
                return or_(*known) if len(known) == len(found) else None
            case Call(name="contains", arguments=(Column(property=name, type=Primitive.STRING), Parameter() as sought)):
                part = self._part_of.get(self._layout.names[self._layout.index[name]])
                if part is None:
                    return None
                own = self._index.c
                of_part = own[PART] == literal_column(str(part.value), SmallInteger())
                return and_(of_part, own[STRINGS].like(_pattern(value(sought))))
            case _:
                return None

    def _somewhere(self, text: Sql) -> Sql:
        """By trigrams, or in an id; of GUIDs the index has parts that a short text need not meet."""
        own = self._index.c
        pattern = _pattern(text)
        parts = own_function("guid_parts_of", ARRAY(TEXT), text)
        # Without the whole id the server would expect far more rows, and look through all of them in order.
        some = and_(own[GUID_PARTS].op("&&", return_type=BOOLEAN)(parts), own[IDS].like(pattern))
        unknown = func.cardinality(parts, type_=INTEGER) == literal(0, INTEGER)
        return Grouping(or_(own[STRINGS].like(pattern), some, unknown))


def operands_of(chain: Combine) -> Iterator[Bound]:
    """What a chain of one operator combines, however it is nested. Whatever seeks one text is one part."""
    waiting: list[Bound] = [chain]
    while waiting:
        part = waiting.pop()
        if part is chain or (
            isinstance(part, Combine) and part.operator is chain.operator and text_sought(part) is None
        ):
            waiting += (part.right, part.left)
        else:
            yield part


def _pattern(text: Sql) -> Sql:
    return own_function("pattern", TEXT, text)


def text_sought(condition: Bound) -> Bound | None:
    """The text that some string of a row contains in any case, wherever the condition holds; `None`: there is none."""
    return _one_text(condition, lambda of: isinstance(of, str))


def _one_text(condition: Bound, known: Callable[[str | int], bool]) -> Bound | None:
    """The text of all operands of a chain of OR, each of which looks for it in what is `known` to be of the row."""
    found: Bound | None = None
    while isinstance(condition, Combine) and condition.operator is Logic.OR:
        text = _text_in(condition.right, known)
        if text is None or found not in (None, text):
            return None
        found, condition = text, condition.left
    text = _text_in(condition, known)
    return text if found in (None, text) else None


def _text_in(condition: Bound, known: Callable[[str | int], bool]) -> Bound | None:
    match condition:
        case Mentions(text=text, values=values) if all(_is_of(value, known) for value in values):
            return text
        case Quantified(quantifier=Quantifier.ANY, source=source, predicate=predicate) if known(source.of):
            return None if predicate is None else _one_text(predicate, lambda _: True)
        case _:
            return None


def _is_of(value: Bound, known: Callable[[str | int], bool]) -> bool:
    match value:
        case Column():
            return True
        case OfType(operand=operand):
            return _is_of(operand, known)
        case Inside(source=source):
            return known(source.of)
        case _:
            return False
