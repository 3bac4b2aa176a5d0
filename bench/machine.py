"""What of the machine the figures depend on, beside its processors."""

import re
import sys
from pathlib import Path


def described() -> str:
    """One line: the interpreter, and the huge pages that a database may use."""
    return f"Python {sys.version}; {_huge_mebibytes()} MiB of huge pages reserved"


def _huge_mebibytes() -> int:
    if not Path("/proc/meminfo").exists():
        return 0
    pages, size = (
        re.search(rf"^{name}:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
        for name in ("HugePages_Total", "Hugepagesize")
    )
    return int(pages[1]) * int(size[1]) // 1024 if pages and size else 0
