"""How long it takes to understand a filter: one of a shape not seen lately, and one of a known shape.

In this process, with no store and no server: from the decoded text to the question a store would be asked.
"""

import itertools
import statistics
import time
from collections.abc import Iterable

from enrollscope.model.events import SCHEMA
from enrollscope.odata.binding.questions import Questions
from enrollscope.odata.binding.resources import Collection, Resources
from enrollscope.odata.grammar.options import Options

REPEATS = 4_000
GOAL_COLD, GOAL_KNOWN = 60.0, 10.0
FILTER = (
    "eventDateTime ge {day}T00:00:00Z{first}and failureCategory eq 'authentication'{second}"
    "and contains(failureReason,'0x801800{code:02x}')"
)
BLANKS = 25
"""As many blanks may stand before each `and`: more shapes than are remembered, each as much work as the others."""


def main() -> None:
    """Measure and print."""
    model = SCHEMA.view("v1.0")
    collection = Resources(model).find("deviceManagement/troubleshootingEvents", None)
    assert isinstance(collection, Collection)
    questions = Questions(model)

    def median_of(texts: Iterable[str]) -> float:
        """Microseconds."""
        times = []
        for text in itertools.islice(texts, REPEATS):
            options = Options({"filter": text}, {}, {}, {})
            start = time.perf_counter_ns()
            questions.ask(collection.scope, options, (), include_unknown=False)
            times.append(time.perf_counter_ns() - start)
        return statistics.median(times) / 1000

    cold = median_of(_of_many_shapes())
    known = median_of(_of_one_shape())
    print(f"parse and bind a filter: {cold:.1f} µs (goal at most {GOAL_COLD:.0f}), median of {REPEATS:,}")
    print(f"the same for a known shape: {known:.1f} µs (goal at most {GOAL_KNOWN:.0f}), median of {REPEATS:,}")


def _of_many_shapes() -> Iterable[str]:
    """No shape comes again before it was forgotten."""
    pairs = list(itertools.product(range(1, BLANKS + 1), repeat=2))
    for first, second in itertools.cycle(pairs):
        yield FILTER.format(day="2017-01-01", first=" " * first, second=" " * second, code=0x14)


def _of_one_shape() -> Iterable[str]:
    """Literals that change every time."""
    for number in itertools.count():
        yield FILTER.format(day=f"20{number % 90 + 10}-01-01", first=" ", second=" ", code=number % 256)
