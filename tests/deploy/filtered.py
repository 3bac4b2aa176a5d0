"""A process with the filters of a systemd unit in force: system calls, kinds of sockets, memory to run code from.

systemd makes such filters with libseccomp, and says what is in its named sets; here it is asked, and the same is done.
"""

import json
import subprocess
import sys
from collections.abc import Sequence

from tests.deploy.unit import Unit

# Default: an error. A rule allows a call, if given only where an argument, masked, has a value.
_FILTER = """
import ctypes, json, os, sys

class Comparison(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("mask", ctypes.c_uint64), ("value", ctypes.c_uint64)]

ALLOW, REFUSE, MASKED_EQUAL = 0x7FFF0000, 0x00050000 | 1, 7
library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
library.seccomp_init.restype = ctypes.c_void_p
context = ctypes.c_void_p(library.seccomp_init(REFUSE))
for name, comparison in json.loads(sys.argv[1]):
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number < 0:
        continue  # not of this processor
    given = [] if comparison is None else [Comparison(comparison[0], MASKED_EQUAL, *comparison[1:])]
    failed = library.seccomp_rule_add_array(
        context, ctypes.c_uint32(ALLOW), number, len(given), (Comparison * len(given))(*given)
    )
    if failed:
        sys.exit(f"{name}: {os.strerror(-failed)}")
if failed := library.seccomp_load(context):
    sys.exit(os.strerror(-failed))
os.execvp(sys.argv[2], sys.argv[2:])
"""

_FAMILIES = {"AF_UNIX": 1, "AF_INET": 2, "AF_INET6": 10}
_ANY_BIT = 2**64 - 1
_WRITE, _EXECUTE = 2, 4

_Rule = tuple[str, tuple[int, int, int] | None]


def filtered(unit: Unit, analyzer: str) -> Sequence[str]:
    """A launcher for a command under SystemCallFilter, RestrictAddressFamilies and MemoryDenyWriteExecute of a unit.

    Args:
        analyzer: the program `systemd-analyze`.
    """
    return (sys.executable, "-c", _FILTER, json.dumps(rules_of(unit, analyzer)))


def rules_of(unit: Unit, analyzer: str) -> list[_Rule]:
    """What is allowed: a call, perhaps only where an argument (its number, a mask) has a value."""
    families = [_FAMILIES[name] for name in unit.service("RestrictAddressFamilies").split()]
    conditions = {
        "socket": [(0, _ANY_BIT, family) for family in families],
        # Memory can be written to or run, never both, and not first one and then the other.
        "mmap": [(2, _WRITE | _EXECUTE, held) for held in (0, _WRITE, _EXECUTE)],
        "mprotect": [(2, _EXECUTE, 0)],
        "pkey_mprotect": [(2, _EXECUTE, 0)],
    }
    rules: list[_Rule] = []
    for name in sorted(allowed_calls(unit, analyzer)):
        rules += [(name, condition) for condition in conditions.get(name, [None])]
    return rules


def allowed_calls(unit: Unit, analyzer: str) -> set[str]:
    """The names that the lines of SystemCallFilter leave: the first allows, one that begins with ~ takes away."""
    allowed: set[str] = set()
    for line in unit.assigned["Service", "SystemCallFilter"]:
        names = {name for word in line.removeprefix("~").split() for name in _expanded(word, analyzer)}
        allowed = allowed - names if line.startswith("~") else allowed | names
    return allowed


def _expanded(word: str, analyzer: str) -> set[str]:
    if not word.startswith("@"):
        return {word}
    said = subprocess.run(
        [analyzer, "syscall-filter", "--no-pager", word], capture_output=True, text=True, check=True
    ).stdout
    lines = [line.strip() for line in said.splitlines()[1:]]
    return {name for line in lines if line and not line.startswith("#") for name in _expanded(line, analyzer)}
