"""Entities as JSON text in the SQL of SQLite: what `odata.json.text_form` says, put together where the rows are read.

It is written as text and not as SQLAlchemy's expressions, which take twenty times as long to compile. What is put into
the texts are names and constants of the model, never what a client sent. `json_quote` escapes strings as our encoder of
JSON does.
"""

from collections.abc import Callable, Iterable
from typing import assert_never

from enrollscope.odata.edm.values import TICKS_PER_SECOND, Instant
from enrollscope.odata.json.text_form import Part, Piece, Spelling, TextForm
from enrollscope.store.dialects import EPOCH_SECONDS

_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND
_LAST_TICKS = Instant.parse("9999-12-31T23:59:59.9999999Z").ticks


def entity_text(form: TextForm, column: Callable[[str], str]) -> str:
    """The JSON of a row's entity; null where the form does not say it.

    Args:
        column: how a statement spells what is called so in `Layout.names`.
    """
    cases = " ".join(f"WHEN {_constant(kind)} THEN {_object(parts, column)}" for kind, parts in form.types.items())
    return f"CASE {column('type')} {cases} END"


def _object(parts: Iterable[Part], column: Callable[[str], str]) -> str:
    texts: list[str] = []
    known: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(_constant(part))
            continue
        columns = [column(name) for name in part.columns]
        texts.append(_piece(part, columns))
        if part.spelling is Spelling.NOTHING or (part.spelling is Spelling.MEMBER and part.other is None):
            known.append(_is_known(part, columns[0]))
    text = f"concat({', '.join(texts)})"  # in which a null would be an empty text
    return f"CASE WHEN {' AND '.join(known)} THEN {text} END" if known else text


def _is_known(piece: Piece, value: str) -> str:
    numbers = sorted(number for number, _ in piece.members)
    if not numbers:
        return f"{value} IS NULL"
    if numbers[-1] - numbers[0] < len(numbers):
        return f"({value} IS NULL OR {value} BETWEEN {numbers[0]} AND {numbers[-1]})"
    return f"({value} IS NULL OR {value} IN ({', '.join(map(str, numbers))}))"


def _piece(piece: Piece, columns: list[str]) -> str:
    value, missing = columns[0], _constant(piece.missing)
    match piece.spelling:
        case Spelling.NOTHING:
            return missing
        case Spelling.TEXT:
            return f"json_quote({value})"  # of null, too
        case Spelling.NUMBER:
            return f"ifnull({value}, {missing})"
        case Spelling.BOOLEAN:
            return f"CASE WHEN {value} IS NULL THEN {missing} WHEN {value} THEN 'true' ELSE 'false' END"
        case Spelling.MEMBER:
            other = missing if piece.other is None else _constant(piece.other)
            named = [(number, name) for number, name in piece.members if name != piece.other]
            cases = " ".join(f"WHEN {number} THEN {_constant(name)}" for number, name in named)
            names = f"CASE {value} {cases} ELSE {other} END" if cases else other
            return f"CASE WHEN {value} IS NULL THEN {missing} ELSE {names} END"
        case Spelling.INSTANT:
            return f"CASE WHEN {value} IS NULL THEN {missing} {_instant(value, columns[1])} END"
        case _:
            assert_never(piece.spelling)


def _instant(ticks: str, offset: str) -> str:
    """As `write_instant` prints it: in UTC where the local time is not in the calendar."""
    local = f"({ticks} + {offset} * {_TICKS_PER_MINUTE})"
    nearest = f"min(max({ticks}, 0), {_LAST_TICKS})"
    return f"WHEN {local} BETWEEN 0 AND {_LAST_TICKS} THEN {_time(local, _offset(offset))} ELSE {_time(nearest, _UTC)}"


_UTC = "'Z'"


def _time(ticks: str, offset: str) -> str:
    seconds = f"{ticks} / {TICKS_PER_SECOND} - {EPOCH_SECONDS}"
    digits = f"substr({TICKS_PER_SECOND} + {ticks} % {TICKS_PER_SECOND}, 2)"
    fraction = f"rtrim('.' || {digits}, '0.')"
    return f"""concat('"', replace(datetime({seconds}, 'unixepoch'), ' ', 'T'), {fraction}, {offset}, '"')"""


def _offset(minutes: str) -> str:
    sign = f"iif({minutes} < 0, '-', '+')"
    printed = f"printf('%s%02d:%02d', {sign}, abs({minutes}) / 60, abs({minutes}) % 60)"
    return f"CASE {minutes} WHEN 0 THEN {_UTC} ELSE {printed} END"


def _constant(text: str) -> str:
    quoted = text.replace("'", "''")
    return f"'{quoted}'"
