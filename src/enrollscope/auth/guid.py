"""The one form in which tenants, users and applications are named."""

import re

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)


def as_guid(text: str) -> str | None:
    """Return the GUID in lower case, or None where the whole text is not a hyphenated GUID."""
    return text.lower() if _GUID.fullmatch(text) else None


def guids_in(text: str) -> tuple[str, ...]:
    """Return every hyphenated GUID inside a text, such as an issuer's URL, in lower case."""
    return tuple(found.lower() for found in _GUID.findall(text))
