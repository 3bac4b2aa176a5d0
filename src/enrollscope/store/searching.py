"""What an index of all strings of a row can tell of a condition: which rows need not be looked at.

That a text stands somewhere in the row is demanded beside the condition, and never changes what is found.
"""

from collections.abc import Callable, Mapping

from enrollscope.odata.edm.layout import HEAD, KEY, Layout
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
from enrollscope.store.dialects import Dialect, Sql


class Strings:
    """The strings of the rows of a stored set.

    Args:
        columns: see `Expressions`.
    """

    def __init__(self, layout: Layout, dialect: Dialect, columns: Mapping[str, Sql]) -> None:
        self._layout = layout
        self._dialect = dialect
        self._columns = columns

    def needed(self, condition: Bound, value: Callable[[Bound], Sql]) -> Sql | None:
        """What is true of every row for which a condition holds; `None`: nothing is known.

        Args:
            value: spells what is sought in SQL.
        """
        text = text_sought(condition)
        if text is not None:
            return self._dialect.stands_in(value(text), *self._strings())
        match condition:
            case Call(name="contains", arguments=(Column(property=name, type=Primitive.STRING), Parameter() as part)):
                column = self._layout.names[self._layout.index[name]]
                return None if _is_id(column) else self._dialect.stands_in_one(value(part), self._columns[column])
            case _:
                return None

    def _strings(self) -> tuple[list[Sql], list[Sql]]:
        """What is likely to be words, and what a GUID, by its name; where that is wrong, searches are as right."""
        texts: list[Sql] = []
        ids = [self._columns[HEAD[KEY]]]
        for slot in self._layout.slots:
            if slot.structured or slot.of.type is Primitive.STRING:
                likely = _is_id(slot.name) and not slot.structured
                (ids if likely else texts).append(self._columns[slot.name])
        return texts, ids


def _is_id(column: str) -> bool:
    return column == HEAD[KEY] or column.endswith("_id")


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
