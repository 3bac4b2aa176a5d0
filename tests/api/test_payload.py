"""How bodies are read, in process; `test_bad_input.py` asks the same of the service."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enrollscope.api.payload import read_json
from enrollscope.odata.errors import BadRequest

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NAMES = st.sampled_from(["a", "b", 'a"', "a\\", "", "ä"])
VALUES = st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.lists(TEXTS, max_size=2))
MEMBERS = st.lists(st.tuples(NAMES, VALUES), max_size=4)


@given(MEMBERS, st.booleans(), st.sampled_from(["", " ", "\n\t"]))
def test_an_object_is_what_its_members_say(members: list[tuple[str, Any]], ascii_only: bool, blank: str) -> None:
    """Whatever they hold and however they are written; a name that is there twice is refused."""
    pieces = [
        f"{json.dumps(name, ensure_ascii=ascii_only)}{blank}:{blank}{json.dumps(value)}" for name, value in members
    ]
    body = f"{{{f'{blank},{blank}'.join(pieces)}}}".encode()
    names = [name for name, _ in members]
    if len(set(names)) < len(names):
        with pytest.raises(BadRequest, match="occurs twice"):
            read_json(body)
    else:
        read = read_json(body)
        assert read == dict(members)
        assert [type(value) for value in read.values()] == [type(value) for _, value in members]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b'{"a":"x","a":"y"}', id="strings"),
        pytest.param(b'{"a":null,"a":null}', id="nulls"),
        pytest.param(b'{"a":"x","\\u0061":"y"}', id="spelt-differently"),
        pytest.param(b'{"a":1,"b":{"c":1,"c":2}}', id="inside"),
        pytest.param(b'{"a":[{"c":"1","c":"2"}]}', id="in-a-collection"),
        pytest.param(b'{"a":"\\"","a":null}', id="quotes-within"),
    ],
)
def test_a_name_twice_is_refused(body: bytes) -> None:
    """The second one would win in one parser and the first in another (RFC 8259 §4)."""
    with pytest.raises(BadRequest, match="occurs twice"):
        read_json(body)
