"""The health command of containers: its status follows `/readyz`, whatever else is on the machine."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.deploy.containerfile import ROOT
from tests.deploy.processes import run
from tests.postgres import free_port

PROGRAM = str(ROOT / "deploy" / "ready.py")


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Something that answers `/readyz` with a status, and everything else with 404; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(b"why")

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        pytest.param(200, 0, id="ready"),
        pytest.param(503, 1, id="not-ready"),
        pytest.param(404, 1, id="something-else"),
    ],
)
@pytest.mark.parametrize("host", [pytest.param("127.0.0.1", id="loopback"), pytest.param("0.0.0.0", id="all")])
def test_its_status_is_what_the_service_says(host: str, answer: int, status: int) -> None:
    """0 for 200 alone; it prints what was answered; a proxy for the way to elsewhere is not asked."""
    with answering(answer) as port:
        settings = {"ENROLLSCOPE_HOST": host, "ENROLLSCOPE_PORT": str(port), "http_proxy": "http://127.0.0.1:1"}
        result = run([sys.executable, PROGRAM], settings)
    assert (result.returncode, result.stdout.strip()) == (status, "why")


def test_nobody_there_is_not_ready() -> None:
    """It says where it asked."""
    port = free_port()
    result = run([sys.executable, PROGRAM], {"ENROLLSCOPE_PORT": str(port)})
    assert result.returncode == 1
    assert f"127.0.0.1:{port} does not answer" in result.stderr
