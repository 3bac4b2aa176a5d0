"""Text to value, one function per kind of setting.

A reader raises ValueError with the rest of a sentence that begins with the text it was given: "is not …".
"""

import ipaddress
import re
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

SQLITE_PREFIX = "sqlite:///"
POSTGRESQL_PREFIX = "postgresql://"

# Tokens for Microsoft's own Graph are in a format that nobody else can verify (graph contract §6.1).
UNVERIFIABLE_AUDIENCES = frozenset({"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"})

BYTES_PER_UNIT = ((2**30, "GiB"), (2**20, "MiB"), (2**10, "KiB"))


def whole_number(low: int, high: int) -> Callable[[str], int]:
    """A reader of decimal digits, both limits included."""

    def read(text: str) -> int:
        # The length is bounded first: int() refuses very long text with a message of its own.
        if re.fullmatch("[0-9]{1,18}", text) is None or not low <= int(text) <= high:
            raise ValueError(f"is not a whole number from {low} to {high}.")
        return int(text)

    return read


def size(low: int, high: int) -> Callable[[str], int]:
    """A reader of bytes: `4194304`, `4096KiB` and `4MiB` are the same."""

    def read(text: str) -> int:
        match = re.fullmatch("([0-9]{1,18})(KiB|MiB|GiB)?", text)
        units = {unit: factor for factor, unit in BYTES_PER_UNIT}
        count = int(match[1]) * units.get(match[2], 1) if match else -1
        if not low <= count <= high:
            raise ValueError(
                f"is not a size from {show_size(low)} to {show_size(high)}; write bytes, or a unit as in 4MiB."
            )
        return count

    return read


def show_size(count: int) -> str:
    """The size in the largest unit that keeps it whole."""
    for factor, unit in BYTES_PER_UNIT:
        if count and count % factor == 0:
            return f"{count // factor}{unit}"
    return str(count)


def choice(*allowed: str) -> Callable[[str], str]:
    """A reader of one of a few words."""

    def read(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"is not one of {', '.join(allowed)}.")
        return text

    return read


def yes_or_no(text: str) -> bool:
    """Read `yes` or `no`."""
    return choice("yes", "no")(text) == "yes"


def host_name(text: str) -> str:
    """Read a name or an IP address, without brackets and port."""
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        labels = text.removesuffix(".").split(".")
        named = all(re.fullmatch("[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", label) for label in labels)
        # What ends in a number is an address (RFC 3696 §2: no top-level domain is all digits), and this one is not.
        if not named or labels[-1].isdigit():
            raise ValueError("is not a host name or an IP address; the port is a setting of its own.") from error
    return text


def split_absolute_url(text: str) -> SplitResult:
    """Take an http or https URL of scheme, host, port and path apart; anything else in it is refused."""
    wrong = "is not an absolute http or https URL without user, query and fragment."
    if re.fullmatch("[!-~]+", text) is None:
        raise ValueError(wrong)
    try:
        parts = urlsplit(text)
        complete = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError as error:
        raise ValueError(wrong) from error
    if not complete or any(mark in text for mark in "@?#"):
        raise ValueError(wrong)
    return parts


def base_url(text: str) -> str:
    """Read the URL before `/v1.0`: links are made by adding to it, so it has no slash at its end."""
    split_absolute_url(text)
    if text.endswith("/"):
        raise ValueError("ends in a slash; write it without.")
    return text


def issuer_url(text: str) -> str:
    """Read an issuer. It is compared with `iss` character by character, so it is kept as written."""
    parts = split_absolute_url(text)
    if parts.scheme != "https" and not is_loopback(parts.hostname or ""):
        raise ValueError("is not an https URL; keys fetched over plain http could be anyone's.")
    return text


def tenant_list(text: str) -> tuple[str, ...]:
    """Read tenant ids between commas, in lower case."""
    tenants = tuple(part.strip().lower() for part in text.split(","))
    for tenant in tenants:
        if re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", tenant) is None:
            raise ValueError("is not a list of tenant ids; write GUIDs with one comma between them.")
    return tenants


def audience_list(text: str) -> tuple[str, ...]:
    """Read audiences between commas."""
    audiences = tuple(part.strip() for part in text.split(","))
    if not all(audiences):
        raise ValueError("has an empty entry; write audiences with one comma between them.")
    for audience in audiences:
        if audience.rstrip("/").lower() in UNVERIFIABLE_AUDIENCES:
            raise ValueError(
                "names Microsoft's own Graph, whose tokens only Microsoft can verify;"
                " register an application of your own and name that."
            )
    return audiences


def origin_list(text: str) -> tuple[str, ...]:
    """Read origins between commas: scheme, host and port as browsers write them, so without a slash at the end."""
    if text == "none":
        return ()
    origins = tuple(part.strip() for part in text.split(","))
    for origin in origins:
        if origin != "*" and (split_absolute_url(origin).path or origin != origin.lower()):
            raise ValueError("has an entry that is no origin; write scheme and host, as in https://portal.example.")
    return origins


def database_url(text: str) -> str:
    """Read where the store is. The messages never repeat it: it may hold a password."""
    if text.startswith(SQLITE_PREFIX):
        check_sqlite_path(text.removeprefix(SQLITE_PREFIX))
    elif text.startswith(POSTGRESQL_PREFIX):
        check_postgresql_url(text)
    else:
        raise ValueError(f"does not begin with {SQLITE_PREFIX} or {POSTGRESQL_PREFIX}")
    return text


def check_sqlite_path(path: str) -> None:
    """Refuse what SQLite or SQLAlchemy would take for something other than the path of a file."""
    if path in {"", ":memory:"} or path.endswith("/"):
        raise ValueError(f"names no file; write {SQLITE_PREFIX} and the path of a file that is kept.")
    if path.startswith("~"):
        raise ValueError(
            f"begins with ~, which only a shell replaces; write the whole path, as in {SQLITE_PREFIX}/var/…"
        )
    if "?" in path or not path.isprintable():
        raise ValueError("has a question mark or a control character in the path, which is not allowed.")


def check_postgresql_url(text: str) -> None:
    """Refuse a URL whose parts cannot be told apart. Several hosts stand between commas, each with its port."""
    try:
        parts = urlsplit(text)
        hosts = parts.netloc.rpartition("@")[2].split(",")
        valid = all(urlsplit(f"//{host}").port != 0 for host in hosts) and text.isprintable()
    except ValueError:
        valid = False
    if not valid:
        # The cause is dropped on purpose: its message quotes a part of the URL.
        raise ValueError(f"is not of the form {POSTGRESQL_PREFIX}user:password@host:port/database") from None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach `host`. No name is looked up: of names, only `localhost` counts."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
