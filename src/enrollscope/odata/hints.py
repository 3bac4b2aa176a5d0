"""The nearest known name, for a message about one that is not known."""

import difflib
from collections.abc import Iterable


def near_name(name: str, known: Iterable[str]) -> str:
    """A sentence that offers the nearest known name, with a blank in front, or nothing."""
    folded = {item.lower(): item for item in known}
    close = difflib.get_close_matches(name.lower()[:200], list(folded), n=1, cutoff=0.7)
    return f" Did you mean '{folded[close[0]]}'?" if close else ""
