"""A few enrollment failures to look at: invented users and devices, real failure reasons."""

import json
from collections.abc import Iterator
from importlib.resources import files


def sample_events() -> Iterator[tuple[str, dict[str, str]]]:
    """Yield id and JSON body of each event, oldest first."""
    for line in files(__package__).joinpath("sample.ndjson").read_text("utf-8").splitlines():
        body: dict[str, str] = json.loads(line)
        yield body.pop("id"), body
