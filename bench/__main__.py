"""Run the benchmarks named, or those of the embedded store."""

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bench import parse, postgres, questions, sqlite
from bench.load import BenchFailed
from bench.machine import described

BENCHMARKS: Mapping[str, Callable[[], None]] = MappingProxyType(
    {
        "sqlite": sqlite.main,
        "parse": parse.main,
        "questions": questions.main,
        "postgres": postgres.main,
        "postgres-growth": postgres.growth,
    }
)
DEFAULT = ("parse", "sqlite", "questions")
"""The others need a PostgreSQL, and more time."""

if __name__ == "__main__":
    strange = [name for name in sys.argv[1:] if name not in BENCHMARKS]
    if strange:
        sys.exit(f"no benchmark {strange[0]!r}; there are: {', '.join(BENCHMARKS)}")
    print(described(), flush=True)
    try:
        for name in sys.argv[1:] or DEFAULT:
            BENCHMARKS[name]()
    except BenchFailed as error:
        sys.exit(str(error))
