"""Programs that take something away from themselves and then become the command that follows."""

import os
import sys

# A process of root may write to any file, whatever its mode, by a capability that can be given up.
_GIVE_UP = """
import ctypes, os, sys
PR_CAPBSET_DROP, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 24, 1, 2
library = ctypes.CDLL(None, use_errno=True)
for capability in (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH):
    if library.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0):
        sys.exit(os.strerror(ctypes.get_errno()))
os.execv(sys.argv[1], sys.argv[1:])
"""

# Python ignores SIGXFSZ, so a write beyond the limit fails as one on a full disk does: with an error.
_LIMIT = """
import os, resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]),) * 2)
os.execv(sys.argv[2], sys.argv[2:])
"""


def obeying_modes() -> list[str]:
    """A launcher under which the modes of files and folders hold for everybody, for root too."""
    return [sys.executable, "-c", _GIVE_UP] if os.geteuid() == 0 else []


def with_disk_of(size: int) -> list[str]:
    """A launcher under which no file grows beyond `size` bytes."""
    return [sys.executable, "-c", _LIMIT, str(size)]
