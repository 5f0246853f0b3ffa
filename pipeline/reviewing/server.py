"""The server of the page: tornado on loopback, in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from pipeline.errors import ConfigError
from pipeline.reviewing.desk import Desk
from pipeline.reviewing.guard import make_token
from pipeline.reviewing.handlers import LONGEST_BODY, ROUTES, Missing

LOOPBACK = "127.0.0.1"
THREADS = 4
SECONDS_TO_START = 30.0


class Server:
    """A server that runs until it is closed.

    Parameters
    ----------
    desk
        What it serves.
    port
        Port on loopback; 0 takes a free one.

    Raises
    ------
    ConfigError
        The port is taken.
    """

    def __init__(self, desk: Desk, port: int = 0) -> None:
        self.desk = desk
        self.token = make_token()
        try:
            self._sockets = bind_sockets(port, LOOPBACK)
        except OSError as error:
            raise ConfigError(
                f"found port {port} of {LOOPBACK} not to be had: {error.strerror}; expected a free "
                "port. Name another one, or none"
            ) from None
        self.port: int = self._sockets[0].getsockname()[1]
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="autorefiner-review")
        self.application = self._make_application()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._serve, name="autorefiner-review-server", daemon=True
        )
        self._thread.start()
        self._ready.wait(SECONDS_TO_START)

    @property
    def url(self) -> str:
        """Address of the page on this machine, with the token."""
        return f"http://{LOOPBACK}:{self.port}/?token={self.token}"

    def close(self) -> None:
        """Stop serving; requests that are answered at this moment are finished."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join()
        self._pool.shutdown()

    def wait(self) -> None:
        """Wait until the server is closed."""
        while self._thread.is_alive():
            self._thread.join(1.0)  # a join without a limit cannot be interrupted everywhere

    def _make_application(self) -> Application:
        shared = {
            "desk": self.desk,
            "token": self.token,
            "cookie": f"autorefiner-review-{self.port}",
            "pool": self._pool,
        }
        return Application(
            [(route, handler, shared) for route, handler in ROUTES],
            default_handler_class=Missing,
            default_handler_args=shared,
            log_function=lambda _handler: None,
        )

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._run())
        self._loop.close()

    async def _run(self) -> None:
        server = HTTPServer(self.application, max_body_size=LONGEST_BODY, max_header_size=65_536)
        server.add_sockets(self._sockets)
        self._ready.set()
        await self._stop.wait()
        server.stop()
        await server.close_all_connections()
