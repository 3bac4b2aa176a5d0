"""The service beside SAP CAP, the nearest peer: the same entity on the same PostgreSQL server, asked for the same.

This service verifies a token, answers with an entity tag and logs each change, as it always does. CAP is measured
twice: bare, and with a log of changes, entity tags and authentication; `bench/peer.py` says by what. It has the indexes
that this service has, and always serves with one process; this service with one, then with as many as there are
processors. Where CAP wants `If-Match` for a change, both sides get `If-Match: *`.

It needs Node.js and npm, which installs the versions that `bench/cap/*/package.json` name.
"""

import os
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from bench.peer import Peer, bare, install, tracked
from bench.postgres import (
    COLLECTION,
    CONNECTIONS,
    DURABLE,
    EVENTS,
    FILTER,
    ITEM,
    PAGE_CONNECTIONS,
    PAGE_SIZE,
    PATCH_BODY,
    SINCE,
    Filled,
    check_full,
    fill,
    over_http,
    report,
    served,
)
from tests.postgres import own_server

PEER_BODY = '{"failureReason":"0x80180014 seen {n} times","failureCategory":9}'
PEER_FILTER = f"{COLLECTION}?$top={PAGE_SIZE}&$orderby=eventDateTime%20desc&$filter=" + quote(
    f"failureCategory eq 1 and eventDateTime ge {SINCE}"
)


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of request, as each side wants it put.

    Attributes:
        paths: this service's and CAP's.
        bodies: this service's and CAP's.
        goal: the least ratio wanted, beside either CAP and with any number of processes.
    """

    name: str
    method: str
    paths: tuple[str, str]
    connections: int
    goal: float
    bodies: tuple[str, str] = ("", "")


KINDS = (
    Kind("PATCH", "PATCH", (ITEM, ITEM), CONNECTIONS[0], 10, (PATCH_BODY, PEER_BODY)),
    Kind("GET", "GET", (ITEM, ITEM), CONNECTIONS[0], 12),
    Kind("page of 100 by filter", "GET", (FILTER, PEER_FILTER), PAGE_CONNECTIONS, 3),
)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder, own_server(DURABLE) as server:
        filled = fill(server, "half_a_million", EVENTS, Path(folder))
        applications = Path(folder) / "cap"
        install(applications)
        with bare(server, applications, EVENTS) as alone, tracked(server, applications, EVENTS) as alike:
            peers = {"bare CAP": alone, "CAP with log, ETags and authentication": alike}
            for processes in sorted({1, os.cpu_count() or 1}):
                with served(filled, processes) as (address, _):
                    for kind in KINDS:
                        for name, peer in peers.items():
                            served_by = f"{processes} process{'es' if processes > 1 else ''}"
                            _beside(filled, address, kind, peer, f"{served_by} beside {name} in 1 process")


def _beside(filled: Filled, address: str, kind: Kind, peer: Peer, compared: str) -> None:
    """Compare one kind of request, with the same `If-Match` on both sides."""
    if_match = peer.if_match if kind.method == "PATCH" else ""
    if kind.paths[0] == FILTER:
        check_full(address, filled)
    load = replace(filled.load(kind.method, kind.paths[0], kind.bodies[0]), if_match=if_match)
    peer_load = replace(load, path=kind.paths[1], body=kind.bodies[1], token=peer.token)
    ours = over_http(address, load, kind.connections)
    theirs = over_http(peer.address, peer_load, kind.connections)
    report(f"{kind.name}, {kind.connections} connections, {compared}", ours, theirs, kind.goal)
