"""Runs an ASGI application with uvicorn."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol

from pipeline.errors import UserError

_IDLE_S = 10.0
_MAX_CONNECTIONS = 512


class _TimedProtocol(H11Protocol):
    """Closes a connection after ten seconds in which no request of it runs, whatever it sends.

    Until then the rest of a refused request's body is dropped: a client that sends still would not
    see the answer on a closed connection. One that does not take its answer for ten seconds is
    closed as well. One connection too many closes the one that has been idle for the longest time.
    """

    _idle_since = 0.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._start_timer()
        if len(self.connections) > _MAX_CONNECTIONS:
            all_timed = (each for each in self.connections if isinstance(each, _TimedProtocol))
            idle = (each for each in all_timed if each._is_idle())
            min(idle, key=lambda each: each._idle_since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self._timer:
            self._timer.cancel()

    def on_response_complete(self) -> None:
        self._start_timer()
        super().on_response_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._start_timer()

    def _start_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._idle_since = self.loop.time()
        self._timer = self.loop.call_later(_IDLE_S, self._end_if_idle)

    def _end_if_idle(self) -> None:
        if self._is_idle() or self.flow.write_paused:
            self.transport.abort()

    def _is_idle(self) -> bool:
        ended = self.cycle is None or self.cycle.response_complete
        return ended and not self.transport.is_closing()


def run_server(app: Starlette, host: str, port: int) -> None:
    """Serve until a signal ends it; print its address.

    Raises:
        UserError: the address or the port cannot be used.
    """
    try:
        listener = listen(host, port)
    except OSError as error:
        raise UserError(
            f"Cannot listen on {host}, port {port}: {error.strerror}. Choose another with --port."
        ) from error
    shown = f"[{host}]" if ":" in host else host
    print(f"http://{shown}:{listener.getsockname()[1]}/api/docs", flush=True)
    make_server(app).run(sockets=[listener])


def make_server(app: Starlette) -> uvicorn.Server:
    """Return a server for an application that bounds connections and idle clients."""
    config = uvicorn.Config(
        app,
        http=_TimedProtocol,
        ws="none",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
        access_log=False,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address; port 0 is any free one."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError:
        listener.close()
        raise
    return listener
