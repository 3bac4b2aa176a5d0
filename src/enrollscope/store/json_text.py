"""Entities as JSON text in the SQL of SQLite: what `odata.textform` says, put together where the rows are read.

What is spelt here escapes strings as `json_quote` does, which is how our encoder of JSON does it.
"""

from collections.abc import Callable, Iterable

from sqlalchemy import and_, case, func, literal_column, null
from sqlalchemy.sql.functions import Function

from enrollscope.odata.textform import Part, Piece, Spelling, TextForm
from enrollscope.odata.values import TICKS_PER_SECOND, Instant
from enrollscope.store.dialects import EPOCH_SECONDS, Sql
from enrollscope.store.schema import INTEGER, TEXT

_TICKS_PER_MINUTE = 60 * TICKS_PER_SECOND
_LAST_TICKS = Instant.parse("9999-12-31T23:59:59.9999999Z").ticks


def entity_text(form: TextForm, column: Callable[[str], Sql]) -> Sql:
    """The JSON of a row's entity; null where the form does not say it.

    Args:
        column: what a row has under a name of `Layout.names`.
    """
    spelt = {_constant(kind): _object(parts, column) for kind, parts in form.types.items()}
    return case(spelt, value=column("type"))


def _object(parts: Iterable[Part], column: Callable[[str], Sql]) -> Sql:
    texts: list[Sql] = []
    known: list[Sql] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(_constant(part))
        else:
            columns = [column(name) for name in part.columns]
            texts.append(_piece(part, columns))
            if _silent(part):
                known.append(_is_known(part, columns[0]))
    text = _joined(*texts)
    return case((and_(*known), text)) if known else text


def _silent(piece: Piece) -> bool:
    """Whether there are values of which a piece says nothing."""
    return piece.spelling is Spelling.NOTHING or (piece.spelling is Spelling.MEMBER and piece.other is None)


def _is_known(piece: Piece, value: Sql) -> Sql:
    missing = value.is_(null())
    numbers = sorted(number for number, _ in piece.members)
    if not numbers:
        return missing
    if numbers[-1] - numbers[0] < len(numbers):
        return missing | value.between(_number(numbers[0]), _number(numbers[-1]))
    return missing | value.in_([_number(number) for number in numbers])


def _piece(piece: Piece, columns: list[Sql]) -> Sql:
    value = columns[0]
    missing = _constant(piece.missing)
    match piece.spelling:
        case Spelling.NOTHING:
            return missing
        case Spelling.TEXT:
            return func.json_quote(value, type_=TEXT)  # of null, too
        case Spelling.NUMBER:
            return func.ifnull(value, missing, type_=TEXT)
        case Spelling.BOOLEAN:
            return case(
                (value.is_(null()), missing), (value == _number(0), _constant("false")), else_=_constant("true")
            )
        case Spelling.MEMBER:
            known = {_number(number): _constant(name) for number, name in piece.members if name != piece.other}
            other = _constant(piece.missing if piece.other is None else piece.other)
            return case((value.is_(null()), missing), else_=case(known, value=value, else_=other) if known else other)
        case Spelling.INSTANT:
            return case((value.is_(null()), missing), else_=_instant(value, columns[1]))


def _instant(ticks: Sql, offset: Sql) -> Sql:
    """As `write_instant` prints it: in UTC where the local time is not in the calendar."""
    local = ticks + offset * _number(_TICKS_PER_MINUTE)
    nearest = func.min(func.max(ticks, _number(0)), _number(_LAST_TICKS), type_=INTEGER)
    inside = local.between(_number(0), _number(_LAST_TICKS))
    return case((inside, _time(local, _offset(offset))), else_=_time(nearest, _constant("Z")))


def _time(local: Sql, offset: Sql) -> Sql:
    seconds = local // _number(TICKS_PER_SECOND) - _number(EPOCH_SECONDS)
    fraction = local % _number(TICKS_PER_SECOND)
    digits = func.substr(_number(TICKS_PER_SECOND) + fraction, _number(2), type_=TEXT)
    day_and_time = func.replace(func.datetime(seconds, _constant("unixepoch")), _constant(" "), _constant("T"))
    trimmed = func.rtrim(_joined(_constant("."), digits), _constant("0."), type_=TEXT)
    return _joined(_constant('"'), day_and_time, trimmed, offset, _constant('"'))


def _offset(minutes: Sql) -> Sql:
    sign = case((minutes < _number(0), _constant("-")), else_=_constant("+"))
    size = func.abs(minutes, type_=INTEGER)
    printed = func.printf(_constant("%s%02d:%02d"), sign, size // _number(60), size % _number(60))
    return case((minutes == _number(0), _constant("Z")), else_=printed)


def _joined(*texts: Sql) -> Sql:
    """Texts one behind the other; a null is an empty one."""
    return Function("concat", *texts, type_=TEXT)


def _constant(text: str) -> Sql:
    """A text of the model or of ours, never of a client, as it stands in a statement."""
    quoted = text.replace("'", "''")
    return literal_column(f"'{quoted}'", TEXT)


def _number(number: int) -> Sql:
    return literal_column(str(number), INTEGER)
