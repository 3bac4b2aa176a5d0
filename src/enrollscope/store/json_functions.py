"""What SQLite lacks for composite values, which are JSON text to it: they are equal where their texts are not.

In PostgreSQL they are `jsonb`, and functions of the same names do the same.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import msgspec

_REMEMBERED = 4_096

# To Python true is 1.
_TRUTHS: Mapping[bool, object] = MappingProxyType({True: object(), False: object()})
_NOTHING = (None, ())


@lru_cache(_REMEMBERED)
def read(text: str) -> Any:
    """JSON as values that can be compared: collections are tuples, structured values are sets of their members."""
    return _frozen(json.loads(text, parse_float=Decimal))


def _frozen(value: Any) -> Any:
    match value:
        case bool():
            return _TRUTHS[value]
        case list():
            return tuple([_frozen(item) for item in value])
        case dict():
            members = ((name, _frozen(item)) for name, item in value.items())
            return frozenset((name, item) for name, item in members if item not in _NOTHING)
        case _:
            return value


def json_of(value: str | float) -> str:
    """A scalar as JSON."""
    if isinstance(value, float) and math.isinf(value):
        return '"INF"' if value > 0 else '"-INF"'
    return json.dumps(value, ensure_ascii=False)


def json_of_decimal(text: str) -> str:
    """A Decimal as JSON."""
    value = Decimal(text)
    return text if value.is_finite() else json_of(float(value))


def json_list(*items: str) -> str:
    """A collection of items that are JSON."""
    return f"[{','.join(items)}]"


def json_object(names: str, values: str) -> str:
    """A structured value, of a collection of the names of its members and one of their values."""
    pairs = zip(json.loads(names), _raw(values), strict=True)
    return f"{{{','.join(f'{json.dumps(name)}:{value}' for name, value in pairs)}}}"


def same(*values: Any) -> bool:
    """Tell whether two composite values are equal, or both null."""
    left, right = values
    return bool(left == right or (left is not None and right is not None and read(left) == read(right)))


def concat(left: str, right: str) -> str:
    """The items of two collections."""
    return json_list(*_raw(left), *_raw(right))


def substring(items: str, start: int, length: int | None = None) -> str:
    """Some of the items: none for a negative length."""
    found = _raw(items)
    return json_list(*found[max(start, -len(found)) :][: length and max(length, 0)])


def index_of(whole: str, part: str) -> int:
    """Where the second collection stands in the first one; -1: nowhere."""
    first, second = read(whole), read(part)
    places: Iterator[int] = iter(range(len(first) - len(second) + 1))
    return next((place for place in places if first[place : place + len(second)] == second), -1)


def starts_with(whole: str, part: str) -> bool:
    """Tell whether the first collection begins with the second one."""
    first, second = read(whole), read(part)
    return bool(first[: len(second)] == second)


def ends_with(whole: str, part: str) -> bool:
    """Tell whether the first collection ends with the second one."""
    first, second = read(whole), read(part)
    return len(second) <= len(first) and bool(first[len(first) - len(second) :] == second)


def has_subset(whole: str, part: str) -> bool:
    """Tell whether the second collection can be made of items of the first one."""
    return Counter(read(part)) <= Counter(read(whole))


def has_subsequence(whole: str, part: str) -> bool:
    """Tell whether the second collection can be made of items of the first one in their order."""
    rest = iter(read(whole))
    return all(item in rest for item in read(part))


def _raw(text: str) -> list[str]:
    """The items of a collection, each as it is written."""
    return [bytes(item).decode() for item in msgspec.json.decode(text, type=list[msgspec.Raw])]


def json_functions() -> dict[str, Callable[..., Any]]:
    """All of them, by their names, but for `same`, which alone is not null for null."""
    return {
        "json": json_of,
        "json_decimal": json_of_decimal,
        "json_list": json_list,
        "json_object": json_object,
        "collection_concat": concat,
        "collection_substring": substring,
        "collection_length": lambda items: len(read(items)),
        "collection_indexof": index_of,
        "collection_contains": lambda whole, part: index_of(whole, part) >= 0,
        "collection_startswith": starts_with,
        "collection_endswith": ends_with,
        "collection_hassubset": has_subset,
        "collection_hassubsequence": has_subsequence,
    }
