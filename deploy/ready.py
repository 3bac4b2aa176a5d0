#!/usr/bin/env python3
"""Ask the service of this container or machine whether it is ready: status 0, or 1 with the reason.

It is found by the settings that the service itself reads, `ENROLLSCOPE_HOST` and `ENROLLSCOPE_PORT`. No proxy of the
environment is used, and nothing but the standard library.
"""

import os
import sys
from http.client import HTTPConnection, HTTPException

# Listening on every address is no address to ask.
ADDRESS_TO_ASK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - compared, never listened on
TIMEOUT_SECONDS = 4


def main() -> int:
    """Ask once; the exit status."""
    host = os.environ.get("ENROLLSCOPE_HOST", "127.0.0.1")
    port = int(os.environ.get("ENROLLSCOPE_PORT", "8080"))
    connection = HTTPConnection(ADDRESS_TO_ASK.get(host, host), port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        said = answer.read().decode(errors="replace")
    except (OSError, HTTPException) as error:
        sys.stderr.write(f"{host}:{port} does not answer: {error}\n")
        return 1
    sys.stdout.write(f"{said}\n")
    return 0 if answer.status == 200 else 1


if __name__ == "__main__":
    sys.exit(main())
