"""Run the benchmarks named, or all."""

import sys
from collections.abc import Callable, Mapping
from types import MappingProxyType

from bench import sqlite
from bench.load import BenchFailed

BENCHMARKS: Mapping[str, Callable[[], None]] = MappingProxyType({"sqlite": sqlite.main})

if __name__ == "__main__":
    try:
        for name in sys.argv[1:] or BENCHMARKS:
            if name not in BENCHMARKS:
                raise BenchFailed(f"no benchmark {name!r}; there are: {', '.join(BENCHMARKS)}")
            BENCHMARKS[name]()
    except BenchFailed as error:
        sys.exit(str(error))
