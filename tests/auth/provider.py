"""A real identity provider on 127.0.0.1, as far as discovery goes."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import msgspec

from tests.auth.minting import Mint

DISCOVERY = "/.well-known/openid-configuration"
KEYS = "/keys"


class Provider:
    """Serves a discovery document and keys that a test can change, and counts the requests.

    Attributes:
        documents: status and body by path.
        requests: how often each path was asked for.
        hold: cleared, it makes the provider wait before it answers.
    """

    def __init__(self, *mints: Mint) -> None:
        self.documents: dict[str, tuple[int, bytes]] = {}
        self.requests: dict[str, int] = {}
        self.hold = threading.Event()
        self.hold.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.describe()
        self.publish(*mints)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The issuer, and the root of everything served."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def describe(self, **changes: Any) -> None:
        """Serve a discovery document with these changes; a change to None removes the field."""
        document = {
            "issuer": self.url,
            "jwks_uri": self.url + KEYS,
            "authorization_endpoint": self.url + "/authorize",
            "token_endpoint": self.url + "/token",
            **changes,
        }
        document = {name: value for name, value in document.items() if value is not None}
        self.documents[DISCOVERY] = (200, json.dumps(document).encode())

    def publish(self, *mints: Mint, issuer: str | None = None) -> None:
        """Serve the public keys of these mints, bound to an issuer if one is named."""
        keys = [msgspec.to_builtins(mint.jwk.public(issuer)) for mint in mints]
        self.documents[KEYS] = (200, json.dumps({"keys": keys}).encode())

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider.requests[self.path] = provider.requests.get(self.path, 0) + 1
                provider.hold.wait()
                status, body = provider.documents.get(self.path, (404, b""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Stay silent."""

        return Handler
