"""The figures of a run, as a table of docs/benchmarks.md, with the machine that they are of."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
_HEAD = "| What | Processes that serve | Measured | Beside | Ratio | Goal |\n|---|--:|--:|--:|--:|--:|"


@dataclass(frozen=True, slots=True)
class Figure:
    """Two rates, per second, and the median of their ratios round by round.

    Attributes:
        processes: how many served.
        goal: the least ratio wanted.
    """

    what: str
    processes: int
    measured: float
    beside: str
    other: float
    ratio: float
    goal: float

    @property
    def line(self) -> str:
        """A row of the table; a ratio that misses its goal is bold."""
        ratio = f"{self.ratio:.2f}" if self.ratio >= self.goal else f"**{self.ratio:.2f}**"
        beside = f"{self.other:,.0f}/s of {self.beside}"
        return f"| {self.what} | {self.processes} | {self.measured:,.0f}/s | {beside} | {ratio} | {self.goal:.2f} |"


def write(name: str, machine: str, figures: Iterable[Figure], further: Iterable[str] = ()) -> None:
    """Put a table in the place of the one that the last run of a benchmark left.

    Args:
        name: of the place, which comments in the page begin and end.
        further: lines behind the table.
    """
    lines = [f"{machine}.", "", _HEAD, *(figure.line for figure in figures), *(f"\n{line}" for line in further)]
    begin, end = f"<!-- begin: {name} -->\n", f"\n<!-- end: {name} -->"
    text, number = re.subn(
        f"(?<={re.escape(begin)}).*(?={re.escape(end)})",
        lambda _: "\n" + "\n".join(lines) + "\n",
        PAGE.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if number != 1:
        raise ValueError(f"{PAGE.name} has no place for {name!r}")
    PAGE.write_text(text, encoding="utf-8")
