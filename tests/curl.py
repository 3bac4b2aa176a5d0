"""As much of curl as the README uses, for machines that have none: `python -m tests.curl ARGUMENTS`."""

import argparse
import sys

import httpx


def main() -> None:
    """Make one request; print its body, and what `-w` asks for."""
    parser = argparse.ArgumentParser(prog="curl", allow_abbrev=False)
    parser.add_argument("url")
    parser.add_argument("-sS", action="store_true", help="print no progress, but errors: as here anyway")
    parser.add_argument("-X", dest="method", default="GET")
    parser.add_argument("-H", dest="headers", action="append", default=[])
    parser.add_argument("-d", dest="data")
    parser.add_argument("-w", dest="write_out", default="")
    asked = parser.parse_args()
    headers = dict(line.split(": ", 1) for line in asked.headers)
    with httpx.Client(trust_env=False) as client:
        response = client.request(asked.method, asked.url, headers=headers, content=asked.data)
    more = asked.write_out.replace("\\n", "\n").replace("%{http_code}", str(response.status_code))
    sys.stdout.write(response.text + more)


if __name__ == "__main__":
    main()
