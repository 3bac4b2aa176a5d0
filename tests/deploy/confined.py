"""A process as a container or a hardened unit has it: a user without a right, and nothing to write to but one folder.

That takes root, or a kernel that lets its users have namespaces of their own.
"""

from collections.abc import Sequence
from pathlib import Path

# The first shell is root of namespaces of its own, where it makes everything read-only but the one folder. Then it
# becomes a user that has no capability, not even there. One process all along, so signals reach what was started.
_CONFINE = """
mount --bind "$1" "$1"
mount --rbind "$2" "$2"
mount -o remount,bind,ro "$2"
mount -o remount,bind,ro /
user=$3
shift 3
exec setpriv --no-new-privs unshare --user --map-user="$user" --map-group="$user" "$@"
"""


def confined(image: Path, writable: Path, user: int) -> Sequence[str]:
    """A launcher for a command in `image`, where only the folder `writable` can be written to.

    Args:
        user: the number that the process sees as its own; files of whoever runs the tests look like its own, too.
    """
    namespaces = ("unshare", "--user", "--map-root-user", "--mount", "--propagation", "private")
    return (*namespaces, "sh", "-euc", _CONFINE, "sh", str(writable), str(image), str(user))
