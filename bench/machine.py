"""What of the machine the figures depend on."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path


def described() -> str:
    """One line: the day, the machine, its system, the interpreter, and the huge pages that a database may use."""
    gibibytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    compiled = f"{platform.python_version()} ({', '.join(platform.python_build())}, {platform.python_compiler()})"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors ({_processor()}), {gibibytes:.0f} GiB of memory, "
        f"{_huge_mebibytes()} MiB of it in huge pages; {platform.system()} {platform.release()}; Python {compiled}"
    )


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)", text, re.MULTILINE)
    return named[1] if named else platform.machine()


def _huge_mebibytes() -> int:
    if not Path("/proc/meminfo").exists():
        return 0
    pages, size = (
        re.search(rf"^{name}:\s+(\d+)", Path("/proc/meminfo").read_text(encoding="ascii"), re.MULTILINE)
        for name in ("HugePages_Total", "Hugepagesize")
    )
    return int(pages[1]) * int(size[1]) // 1024 if pages and size else 0
