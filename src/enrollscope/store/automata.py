"""Patterns against texts, for a database that has none: in a time that grows with the text, whatever the pattern.

The states in which the pattern may be are followed all at once, one character after the other; sets of states that came
up once are remembered with where each character leads from there.
"""

from bisect import bisect_right
from functools import lru_cache
from typing import TypeAlias, assert_never

from enrollscope.odata.grammar.patterns import Chars, Choice, Edge, Node, Ranges, Repeat, Sequence, parse_pattern

_MOST_STEPS = 10_000
_PATTERNS = 64

States: TypeAlias = frozenset[int]


class Automaton:
    """One pattern. Threads may share it: what they remember of it is the same for all."""

    def __init__(self, node: Node) -> None:
        # Of each state: the characters that lead on to the next one, if it waits for one.
        self._waits: list[Ranges | None] = []
        self._next: list[int] = []
        # Where one is without reading on: always, or only at the start or the end of the text.
        self._free: list[list[tuple[int, bool | None]]] = []
        self._end = self._state()
        self._start = self._build(node, self._end)
        self._steps: dict[tuple[States, str], States] = {}
        self._first = self._closed({self._start}, start=True, end=False)
        self._again = self._closed({self._start}, start=False, end=False)

    def found_in(self, text: str) -> bool:
        """Tell whether some part of the text matches."""
        states = self._first
        for character in text:
            if self._end in states:
                return True
            step = states, character
            following = self._steps.get(step)
            if following is None:
                following = self._step(states, character)
                if len(self._steps) >= _MOST_STEPS:
                    self._steps.clear()
                self._steps[step] = following
            states = following
        return self._end in self._closed(set(states) | {self._start}, start=not text, end=True)

    def _step(self, states: States, character: str) -> States:
        code = ord(character)
        reached = {self._next[state] for state in states if _within(self._waits[state], code)}
        return self._closed(reached, start=False, end=False) | self._again

    def _closed(self, states: set[int], *, start: bool, end: bool) -> States:
        found = set(states)
        waiting = list(states)
        while waiting:
            for state, at_start in self._free[waiting.pop()]:
                if state not in found and (at_start is None or (start if at_start else end)):
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)

    def _state(self) -> int:
        self._waits.append(None)
        self._next.append(-1)
        self._free.append([])
        return len(self._free) - 1

    def _build(self, node: Node, following: int) -> int:
        """The state in which a part begins that is followed by a state."""
        match node:
            case Chars(ranges=ranges):
                state = self._state()
                self._waits[state], self._next[state] = ranges, following
                return state
            case Edge(start=start):
                state = self._state()
                self._free[state].append((following, start))
                return state
            case Sequence(parts=parts):
                for part in reversed(parts):
                    following = self._build(part, following)
                return following
            case Choice(parts=parts):
                state = self._state()
                self._free[state] += [(self._build(part, following), None) for part in parts]
                return state
            case Repeat(part=part, least=least, most=most):
                return self._repeated(part, least, most, following)
            case _:
                assert_never(node)

    def _repeated(self, part: Node, least: int, most: int | None, following: int) -> int:
        if most is None:
            loop = self._state()
            self._free[loop] += [(self._build(part, loop), None), (following, None)]
            begin = loop
        else:
            begin = following
            for _ in range(most - least):
                state = self._state()
                self._free[state] += [(self._build(part, begin), None), (following, None)]
                begin = state
        for _ in range(least):
            begin = self._build(part, begin)
        return begin


@lru_cache(_PATTERNS)
def automaton(pattern: str) -> Automaton:
    """The automaton of a pattern that was read before."""
    return Automaton(parse_pattern(pattern, spelt=True))


def _within(ranges: Ranges | None, code: int) -> bool:
    if ranges is None:
        return False
    place = bisect_right(ranges, (code, 0x110000))
    return bool(place) and code <= ranges[place - 1][1]
