"""`enrollscope serve`: open the store, listen, answer until told to stop."""

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
import uvicorn
import uvloop

from enrollscope.api.composition import compose
from enrollscope.api.http import EnvelopeProtocol
from enrollscope.api.logs import configure_logs
from enrollscope.auth.sources import IdentityProviderError
from enrollscope.cli.options import refusing, setting_options, settings_from
from enrollscope.cli.workers import Supervisor
from enrollscope.model.events import SCHEMA
from enrollscope.settings import Settings, SettingsError
from enrollscope.store.base import Store, StoreRefused
from enrollscope.store.opening import open_store

_BACKLOG = 2048
_GARBAGE_THRESHOLD = 20_000
"""New objects between two looks for cyclic garbage. A request leaves next to none, and pays 5 % at the default, 700."""

_GRACE_SECONDS = 10


class ListenRefused(Exception):
    """The address cannot be listened on; the message is for the operator."""


@click.command()
@setting_options()
@click.option("--sample", is_flag=True, help="Put some sample events into an empty store; print a token and a PATCH.")
def serve(*, sample: bool, **options: Any) -> None:
    """Serve the events of a store over HTTP."""
    settings = settings_from(options)
    with refusing(SettingsError):
        settings.check_serving()
    configure_logs(settings.log_level, settings.log_format)
    expected = (StoreRefused, ListenRefused, IdentityProviderError)
    with refusing(*expected):
        listener = listen(settings.host, settings.port)
        if settings.workers == 1:
            _run(settings, listener, sample=sample)
            return

    def work(number: int, lifeline: int) -> int:
        with refusing(*expected):
            _run(settings, listener, sample=sample and number == 0, first=number == 0, lifeline=lifeline)
        return 0

    sys.exit(Supervisor(settings.workers, work).run())


def _run(
    settings: Settings, listener: socket.socket, *, sample: bool, first: bool = True, lifeline: int | None = None
) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, listener, sample=sample, first=first, lifeline=lifeline))


class _Server(uvicorn.Server):
    """uvicorn's server, but a signal only asks it to finish: the store is closed after it, then the process ends."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


async def _serve(
    settings: Settings, listener: socket.socket, *, sample: bool, first: bool, lifeline: int | None
) -> None:
    """Serve until told to stop.

    Args:
        first: whether this process speaks for all that serve together.
        lifeline: ends this process when it reads as ended; see `cli.workers`.
    """
    store = open_store(settings.database, SCHEMA, queue=settings.write_queue, prepared=settings.prepared_statements)
    try:
        await store.start()
        address = f"http://{_shown(settings.host)}:{listener.getsockname()[1]}"
        async with compose(settings, store, SCHEMA) as application:
            server = _Server(
                uvicorn.Config(
                    application,
                    http=EnvelopeProtocol,
                    lifespan="off",
                    access_log=False,
                    log_config=None,
                    server_header=False,
                    proxy_headers=False,  # the application reads them, for its links
                    backlog=_BACKLOG,
                    timeout_graceful_shutdown=_GRACE_SECONDS,
                )
            )
            if lifeline is not None:
                asyncio.get_running_loop().add_reader(lifeline, server.handle_exit, signal.SIGTERM, None)
            if first:
                click.echo(f"enrollscope serves {settings.shown_database} on {address}", err=True)
            if sample:
                await _add_sample(store, address)
            # What is here now stays: the collector need not look at it again and again.
            gc.collect()
            gc.freeze()
            gc.set_threshold(_GARBAGE_THRESHOLD, 20, 100)
            await server.serve(sockets=[listener])
    finally:
        listener.close()
        await store.close()


async def _add_sample(store: Store, address: str) -> None:
    # Only who asks for sample events waits for what it takes to make them and to sign a token.
    from enrollscope.cli.sample import add_sample, how_to_patch  # noqa: PLC0415

    await add_sample(store)
    click.echo(await how_to_patch(store, address), err=True)


def listen(host: str, port: int) -> socket.socket:
    """Take the address before anything else happens.

    Raises:
        ListenRefused: it is taken, or not ours to take.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise ListenRefused(
            f"Cannot listen on {host}:{port}: {error.strerror or error}. "
            "Stop whatever listens there, or choose another port with --port or ENROLLSCOPE_PORT."
        ) from error


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
