"""What an index of all strings of a row can tell of a condition: which rows need not be looked at.

That a text stands somewhere in the row is demanded beside the condition, and never changes what is found.
"""

from collections.abc import Callable

from sqlalchemy import ARRAY, and_, func, literal, or_
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
from enrollscope.store.index_table import GUID_PARTS, IDS, ODD_IDS
from enrollscope.store.schema import BOOLEAN, INTEGER, TEXT


class Strings:
    """The strings of the rows of a stored set, as its index table has them.

    Attributes:
        asked: whether a condition made use of the index table, which must then be joined.
    """

    def __init__(self, layout: Layout, lookup: Lookup) -> None:
        own = lookup.table.c
        self._lower: dict[str, Sql] = {column.sources[0]: own[column.name] for column in lookup.form.lower}
        self._ids, self._odd_ids, self._guid_parts = own[IDS], own[ODD_IDS], own[GUID_PARTS]
        self._layout = layout
        self.asked = False

    def needed(self, condition: Bound, value: Callable[[Bound], Sql]) -> Sql | None:
        """What is true of every row for which a condition holds; `None`: nothing is known.

        Args:
            value: spells what is sought in SQL.
        """
        found = self._needed(condition, value)
        self.asked = self.asked or found is not None
        return found

    def _needed(self, condition: Bound, value: Callable[[Bound], Sql]) -> Sql | None:
        text = text_sought(condition)
        if text is not None:
            return self._somewhere(value(text))
        match condition:
            case Call(name="contains", arguments=(Column(property=name, type=Primitive.STRING), Parameter() as part)):
                lower = self._lower.get(self._layout.names[self._layout.index[name]])
                return None if lower is None else lower.like(_pattern(value(part)))
            case _:
                return None

    def _somewhere(self, text: Sql) -> Sql:
        """By trigrams, or in an id; of GUIDs the index has parts that a short text need not meet."""
        pattern = _pattern(text)
        parts = own_function("guid_parts_of", ARRAY(TEXT), text)
        # Without the whole id the server would expect far more rows, and look through all of them in order.
        some = and_(self._guid_parts.op("&&", return_type=BOOLEAN)(parts), self._ids.like(pattern))
        unknown = func.cardinality(parts, type_=INTEGER) == literal(0, INTEGER)
        found = [value.like(pattern) for value in (*self._lower.values(), self._odd_ids)]
        return Grouping(or_(*found, some, unknown))


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
