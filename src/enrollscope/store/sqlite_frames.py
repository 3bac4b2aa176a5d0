"""What goes between the process that serves an SQLite store and the one that writes it.

A frame is its length and a pickled value; both ends are this program. What there is one of for every change goes as
plain tuples, which are pickled in a third of the time of named ones, and read in two thirds.
"""

import pickle
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from enrollscope.odata.edm.schema import Schema
from enrollscope.odata.plan.commands import Actor, Update
from enrollscope.store.base import Written
from enrollscope.store.batch import Outcome, Unit

LENGTH = struct.Struct("!I")
"""What goes before each frame: its length in bytes."""

_OF_THE_ACTOR = len(Actor._fields)


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the process is to write."""

    path: Path
    schema: Schema


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a batch: an outcome for each unit, or why nothing of it was written."""

    outcomes: Sequence[Outcome] = ()
    failure: Exception | None = None


def write_units(units: Sequence[Unit]) -> bytes:
    """The content of a frame for a batch. An update is the fields of its actor and its own."""
    return _dumped([(*unit.actor, *unit[1:]) if type(unit) is Update else unit for unit in units])


def read_units(content: bytes | bytearray) -> list[Unit]:
    """The batch of a frame."""
    return [
        Update(Actor(*unit[:_OF_THE_ACTOR]), *unit[_OF_THE_ACTOR:]) if type(unit) is tuple else unit
        for unit in pickle.loads(content)  # noqa: S301 - both ends are this program
    ]


def write_reply(reply: Reply) -> bytes:
    """The content of a frame for a reply. What changed goes as its record, what belongs together as a list."""
    return _dumped((list(map(_told, reply.outcomes)), reply.failure))


def read_reply(content: bytes | bytearray) -> Reply:
    """The reply of a frame."""
    outcomes, failure = pickle.loads(content)  # noqa: S301 - both ends are this program
    return Reply(list(map(_heard, outcomes)), failure)


def _told(outcome: Outcome) -> object:
    if type(outcome) is Written and outcome.changed:
        return outcome.record
    return list(outcome) if type(outcome) is tuple else outcome


def _heard(told: Any) -> Outcome:
    kind = type(told)
    outcome: Outcome = Written(told) if kind is tuple else tuple(told) if kind is list else told
    return outcome


def framed(content: bytes) -> bytes:
    """A frame."""
    return LENGTH.pack(len(content)) + content


def send(to: socket.socket, content: bytes) -> None:
    """Send a frame."""
    to.sendall(framed(content))


def receive(from_: socket.socket) -> bytearray | None:
    """The content of the next frame; `None` at the end."""
    head = _exactly(from_, LENGTH.size)
    return None if head is None else _exactly(from_, LENGTH.unpack(head)[0])


def send_value(to: socket.socket, value: object) -> None:
    """Send one value of any kind."""
    send(to, _dumped(value))


def receive_value(from_: socket.socket) -> Any:
    """The value of the next frame.

    Raises:
        ConnectionError: there is none any more.
    """
    content = receive(from_)
    if content is None:
        raise ConnectionResetError("the process at the other end is gone")
    return pickle.loads(content)  # noqa: S301 - both ends are this program


def _dumped(value: object) -> bytes:
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _exactly(from_: socket.socket, length: int) -> bytearray | None:
    data = bytearray()
    while len(data) < length:
        more = from_.recv(length - len(data))
        if not more:
            return None
        data += more
    return data
