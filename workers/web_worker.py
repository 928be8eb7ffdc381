"""The web process: gunicorn's threads, of which no slow client gets one.

gunicorn's own threaded worker reads a request in a thread, without any deadline: as many half-open
connections as there are threads stop the service. Here the poller gathers requests, sends what
is left of answers, and lingers after the last one; a thread only ever works. See ADR 0021.
"""

from __future__ import annotations

import errno
import gc
import resource
import selectors
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from gunicorn import http
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import TConn, ThreadWorker
from sqlalchemy.exc import SQLAlchemyError

from app.domain.host_roles import HostRole
from app.errors import ConfigurationError
from app.logs import get_logger, log_with_process
from app.services.context import Context
from app.services.installation.instances import join_instance
from app.services.installation.schema_fit import require_fitting_schema
from app.web.context import context_of
from workers.refusal import refuse
from workers.refused_requests import refusal, status_of_refusal
from workers.slow_clients import Gathered, PacedSocket, ReadPace

LINGER_SECONDS = 2.0
"""A client that does not close after its last answer is not waited for any longer."""
SWEEP_SECONDS = 0.5
MAX_GATHERED_IN_ALL = 64 * 1024 * 1024
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
PASSING = (errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED, errno.EINTR)
NO_DESCRIPTOR = (errno.EMFILE, errno.ENFILE)
COLLECT_AFTER = (10_000, 20, 50)
"""Python's own first number is 700, which a single request passes several times."""

log = get_logger(__name__)

Step = Callable[["Connection"], None]


class Connection(TConn):  # type: ignore[misc]  # gunicorn has no types
    """A connection, its request as far as it has arrived, and until when the poller has it."""

    def __init__(self, worker: WebWorker, accepted: socket.socket, client: Any, server: Any):
        sock = PacedSocket.of(accepted, worker.pace)
        super().__init__(worker.cfg, sock, client, server)
        self.gathered = Gathered()
        self.deadline = 0.0
        self.waits_since = 0.0
        self.is_kept = False
        self.address = str(client[0]) if isinstance(client, tuple) else str(client)


class WebWorker(ThreadWorker):  # type: ignore[misc]  # as above
    """gunicorn's threaded worker with the poller in front of the threads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting: set[Connection] = set()
        self.gathered_bytes = 0
        self.pace = ReadPace(10, 60, 60)
        self.max_waiting = 0
        self._swept_at = 0.0

    def run(self) -> None:
        """Serve as the settings of the application say."""
        ctx = context_of(self.wsgi)
        _tell_role(ctx)
        settings = ctx.settings
        self.pace = ReadPace(
            settings.web_head_seconds, settings.web_body_seconds, settings.web_answer_seconds
        )
        self.max_waiting = settings.web_connections
        self.worker_connections = self.max_waiting + 2 * self.cfg.threads
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        spare_collector()
        super().run()

    def accept(self, listener: socket.socket) -> None:
        """Accept a connection and gather its request."""
        try:
            accepted, client = listener.accept()
        except OSError as error:
            if error.errno in NO_DESCRIPTOR:
                self._give_up_one()
            elif error.errno not in PASSING:
                raise
            return
        self.nr_conns += 1
        conn = Connection(self, accepted, client, listener.getsockname())
        self._wait(conn, selectors.EVENT_READ, self._gather, self.pace.head)
        if len(self.waiting) > self.max_waiting:
            self._give_up_one()

    def finish_request(self, conn: Connection, done: Future[Any]) -> None:
        """Take a connection back from its thread."""
        conn.is_kept = not done.cancelled() and done.exception() is None and bool(done.result())
        conn.sock.end()
        if conn.sock.left:
            self._wait(conn, selectors.EVENT_WRITE, self._flush, conn.sock.seconds_left())
        else:
            self._go_on(conn)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Tell a client what is wrong with its request, as a problem."""
        status = status_of_refusal(exc)
        if status is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("Invalid request from ip=%s: %s", addr[0] if addr else "", exc)
        try:
            client.sendall(refusal(status, str(exc)))
        except OSError as error:
            self.log.debug("A client that is refused is gone: %s", error)

    def murder_pending(self) -> None:
        """Close what has taken too long; called at each turn of the loop."""
        now = time.monotonic()
        if now < self._swept_at + SWEEP_SECONDS and self.alive:
            return
        self._swept_at = now
        for conn in [conn for conn in self.waiting if conn.deadline <= now]:
            self._refuse(conn)
        if not self.alive:
            for conn in [conn for conn in self.waiting if self._is_idle(conn)]:
                self._close(conn)

    def _wait(self, conn: Connection, event: int, step: Step, seconds: float) -> None:
        conn.waits_since = time.monotonic()
        conn.deadline = conn.waits_since + seconds
        self.waiting.add(conn)

        def go_on(_: Any) -> None:
            if conn in self.waiting:  # else it was closed earlier in the same turn of the loop
                step(conn)

        self.poller.register(conn.sock, event, go_on)

    def _leave(self, conn: Connection) -> None:
        self.waiting.discard(conn)
        self.gathered_bytes -= len(conn.gathered.data)
        self.poller.unregister(conn.sock)

    def _close(self, conn: Connection) -> None:
        self._leave(conn)
        self.nr_conns -= 1
        conn.close()

    def _gather(self, conn: Connection) -> None:
        try:
            data = conn.sock.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(conn)
            return
        had_any, had_head = bool(conn.gathered.data), conn.gathered.has_head
        conn.gathered.add(data)
        self.gathered_bytes += len(data)
        if conn.gathered.is_complete:
            self._leave(conn)
            self._work(conn)
            return
        if conn.gathered.is_endless:
            self._refuse(conn, 431, "The head of the request is too long.")
            return
        if not had_any:  # a kept connection has its head's time from the first byte on
            conn.deadline = time.monotonic() + self.pace.head
        if conn.gathered.has_head and not had_head:
            conn.deadline = time.monotonic() + self.pace.body
            if conn.gathered.waits_for_continue:
                conn.sock.sendall(CONTINUE)
                conn.sock.setblocking(False)
        if self.gathered_bytes > MAX_GATHERED_IN_ALL:
            self._refuse(max(self.waiting, key=lambda one: len(one.gathered.data)))

    def _work(self, conn: Connection) -> None:
        """Let a thread answer the request that has arrived."""
        if conn.parser is None:
            conn.parser = http.get_parser(self.cfg, conn.sock, conn.client)
            conn.initialized = True
        conn.parser.unreader.unread(conn.gathered.take())
        conn.data_ready = True
        conn.sock.begin()
        self.enqueue_req(conn)

    def _flush(self, conn: Connection) -> None:
        try:
            conn.sock.flush()
        except OSError:
            self._close(conn)
            return
        if not conn.sock.left:
            self._leave(conn)
            self._go_on(conn)

    def _go_on(self, conn: Connection) -> None:
        """Wait for the next request of a connection, or for its end."""
        if not conn.is_kept:
            self._linger(conn)
            return
        conn.gathered.add(conn.parser.unreader.take_buffered())
        self.gathered_bytes += len(conn.gathered.data)
        if conn.gathered.is_complete:
            self.gathered_bytes -= len(conn.gathered.data)
            self._work(conn)
            return
        self._wait(conn, selectors.EVENT_READ, self._gather, self.cfg.keepalive)
        if len(self.waiting) > self.max_waiting:
            self._give_up_one()

    def _linger(self, conn: Connection) -> None:
        """Say that there is no more, and let the client close first (RFC 9112 §9.6).

        gunicorn waits for that in the loop that all connections share.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.nr_conns -= 1
            conn.close()
            return
        self._wait(conn, selectors.EVENT_READ, self._discard, LINGER_SECONDS)

    def _discard(self, conn: Connection) -> None:
        try:
            is_over = not conn.sock.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            is_over = True
        if is_over:
            self._close(conn)

    def _refuse(
        self,
        conn: Connection,
        status: int = 408,
        detail: str = "The request did not arrive in time.",
    ) -> None:
        """Close a connection; one that began a request is told why, and may read it."""
        if not conn.gathered.data:
            self._close(conn)
            return
        self._leave(conn)
        conn.gathered = Gathered()
        try:
            conn.sock.send(refusal(status, detail), socket.MSG_DONTWAIT)
        except OSError as error:
            self.log.debug("A slow client is gone: %s", error)
        self._linger(conn)

    def _give_up_one(self) -> None:
        """Make room: of the address that has the most waiting connections, the oldest goes."""
        if not self.waiting:
            return
        counts = Counter(conn.address for conn in self.waiting)
        address, _ = counts.most_common(1)[0]
        of_it = [conn for conn in self.waiting if conn.address == address]
        self._close(min(of_it, key=lambda conn: conn.waits_since))

    def _is_idle(self, conn: Connection) -> bool:
        return not conn.gathered.data and not conn.sock.left


def spare_collector() -> None:
    """Keep what the process has loaded, and will never drop, from being searched for garbage.

    A search through all of it stops every request for 0.15 s and more, once in some hundred.
    Nothing is collected here first: that would write to the memory that is shared with a parent.
    """
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


def _tell_role(ctx: Context) -> None:
    """Say in SQL that this host serves the web; it does so, too, while the database is away.

    Raises:
        SystemExit: this code does not work with the schema; gunicorn then stops.
    """
    try:
        require_fitting_schema(ctx)
        log_with_process(instance_id=join_instance(ctx, HostRole.WEB))
    except ConfigurationError as error:
        refuse(error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)
    except SQLAlchemyError as error:
        log.warning("role_not_told", role=HostRole.WEB, error=str(error))
