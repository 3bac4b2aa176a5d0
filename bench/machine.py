"""What of the machine the figures depend on."""

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path


def described() -> str:
    """One line: the day, the machine, its system and the interpreter."""
    gibibytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    compiled = f"{platform.python_version()} ({', '.join(platform.python_build())}, {platform.python_compiler()})"
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {os.cpu_count()} processors ({_processor()}), {gibibytes:.0f} GiB of memory; "
        f"{platform.system()} {platform.release()}; Python {compiled}"
    )


def huge_mebibytes(process: int) -> int:
    """How much a process has in pages that were reserved as huge ones: it may have been refused those that there are.

    Raises:
        OSError: the process is not this user's, or the system does not say.
    """
    text = Path(f"/proc/{process}/smaps").read_text(encoding="utf-8")
    mappings = re.findall(r"^Size:\s+(\d+) kB$.*?^KernelPageSize:\s+(\d+) kB$", text, re.MULTILINE | re.DOTALL)
    return sum(int(size) for size, page in mappings if int(page) * 1024 > os.sysconf("SC_PAGE_SIZE")) // 1024


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    text = information.read_text(encoding="utf-8") if information.exists() else ""
    named = re.search(r"^model name\s*:\s*(.+)", text, re.MULTILINE)
    return named[1] if named else platform.machine()
