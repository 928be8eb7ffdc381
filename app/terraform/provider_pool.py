"""Keeps provider processes between runs of Terraform and lends each to one run at a time.

Starting a provider costs more than most of what it is asked (docs/adr/0011). Owns who gets which
process and when one has served its time; on the way it has resources read for the worker. One
thread, one event loop: the thread that starts the providers is the one whose death ends them.
It must not know what a run does with its provider.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from app.errors import UnavailableError
from app.logs import get_logger
from app.terraform.confinement import UNCONFINED
from app.terraform.pooled_provider import Confine, PooledProvider
from app.terraform.provider_reading import parse_request, reading_line
from app.terraform.provider_spec import (
    CONFIGURED,
    MAX_LINE_BYTES,
    RETURNED,
    LeaseReply,
    ProviderSpec,
    require_own_peer,
)
from app.tree_removal import discard_tree

MAX_USES = 1000
"""Leases and readings."""

IDLE_SECONDS = 300.0
LOOK_SECONDS = 5.0
SPEC_SECONDS = 5.0
SPARE_BYTES = 1024 * 1024 * 1024
"""With less memory left on the host, nothing is kept that is not in use: the provider of AWS takes
half a gigabyte, and operations wait until there is enough."""

log = get_logger(__name__)


class ProviderPool:
    """The providers of one host."""

    def __init__(
        self,
        folder: Path,
        limit: int,
        *,
        max_uses: int = MAX_USES,
        idle_seconds: float = IDLE_SECONDS,
        spare_bytes: int = SPARE_BYTES,
        sockets: Path | None = None,
        confine: Confine = lambda executable, folders: UNCONFINED,
    ) -> None:
        """Keep at most ``limit`` processes; ``folder`` is private to this user.

        ``sockets`` is where they listen when ``folder`` lies too deep for the address of a socket;
        ``confine`` gives the limits of each.
        """
        self._sockets = sockets
        self._confine = confine
        self._spare_bytes = spare_bytes
        self._folder = folder
        self._limit = limit
        self._max_uses = max_uses
        self._idle_seconds = idle_seconds
        self._kept: list[PooledProvider] = []
        """Every process that lives, lent or not."""
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, listen: Path) -> None:
        """Lend providers over the unix socket ``listen`` until cancelled; then end them all."""
        former = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(self._answer, listen, limit=MAX_LINE_BYTES)
        finally:
            os.umask(former)
        try:
            async with server:
                while True:
                    await asyncio.sleep(min(LOOK_SECONDS, self._idle_seconds))
                    await self._retire(self._is_not_worth_keeping)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await asyncio.gather(*(provider.end() for provider in self._kept))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one worker: take its spec, lend, wait until it returns what it got."""
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        try:
            spec = await self._read_spec(reader, writer)
            if spec is not None:
                await self._lend_for(spec, reader, writer)
        except ConnectionError as error:
            log.info("worker_left", error=str(error))
        except asyncio.CancelledError:
            # The pool ends. Passed on, it would end in asyncio's own callback, which logs a
            # cancelled connection as a fault (Python 3.11).
            log.info("worker_cut_off")
        finally:
            writer.close()

    async def _read_spec(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> ProviderSpec | None:
        try:
            peer: socket.socket = writer.get_extra_info("socket")
            require_own_peer(peer)
            async with asyncio.timeout(SPEC_SECONDS):
                line = await reader.readline()
            return ProviderSpec.parse(line) if line else None  # somebody only looked if it listens
        except (ValueError, RecursionError, TimeoutError, UnavailableError) as error:
            # Never the line itself: it holds credentials.
            log.warning("spec_refused", error=type(error).__name__)
            return None

    async def _lend_for(
        self, spec: ProviderSpec, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        provider, word = await self._take(spec), b""
        try:
            lent = (
                LeaseReply(provider.reattach, provider.is_configured) if provider else LeaseReply()
            )
            writer.write(lent.line())
            await writer.drain()
            if provider is not None:
                word = await self._serve(provider, reader, writer)
        finally:
            if provider is not None:
                provider.is_configured = word == CONFIGURED
                await self._take_back(provider, is_good=word in (RETURNED, CONFIGURED))

    async def _serve(
        self, provider: PooledProvider, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        """Have read what the worker asks for; return its last word, which is empty in trouble."""
        try:
            while (line := await reader.readline()) not in (RETURNED, CONFIGURED, b""):
                provider.uses += 1
                writer.write(reading_line(await provider.read(parse_request(line))))
                await writer.drain()
        except (ValueError, RecursionError) as error:
            log.warning("reading_refused", error=type(error).__name__)  # the line holds a state
            return b""
        return line

    async def _take(self, spec: ProviderSpec) -> PooledProvider | None:
        """Lend an idle provider of exactly this spec, else a new one while there is room."""
        await self._retire(lambda provider: self._is_past(provider, spec))
        for provider in self._kept:
            if not provider.is_lent and provider.spec == spec:
                provider.is_lent = True
                return provider
        if not self._has_room():
            idle = [provider for provider in self._kept if not provider.is_lent]
            longest = min(idle, key=lambda item: item.returned_at, default=None)
            await self._retire(lambda provider: provider is longest)
        return await self._start(spec) if self._has_room() else None

    async def _start(self, spec: ProviderSpec) -> PooledProvider | None:
        self._starting += 1
        try:
            provider = await PooledProvider.start(spec, self._folder, self._sockets, self._confine)
        except UnavailableError as error:
            log.warning("provider_not_started", account=spec.account, reason=error.detail)
            return None
        finally:
            self._starting -= 1
        provider.is_lent = True
        self._kept.append(provider)
        log.info("provider_started", account=spec.account, pid=provider.pid)
        return provider

    async def _take_back(self, provider: PooledProvider, *, is_good: bool) -> None:
        """Keep a returned provider for the next run, or end it."""
        provider.uses += 1
        provider.returned_at = time.monotonic()
        if is_good and provider.uses < self._max_uses and provider.is_alive:
            provider.is_lent = False
            return
        log.info("provider_recycled", pid=provider.pid, uses=provider.uses, is_good=is_good)
        await self._end(provider)

    def _has_room(self) -> bool:
        return len(self._kept) + self._starting < self._limit

    def _is_past(self, provider: PooledProvider, spec: ProviderSpec | None = None) -> bool:
        """Tell whether an idle provider has served its time.

        ``spec`` is the newest one of its account: other credentials or another version supersede
        what was started before for the same configuration.
        """
        is_superseded = spec is not None and spec.supersedes(provider.spec)
        is_old = time.monotonic() - provider.returned_at >= self._idle_seconds
        return is_old or is_superseded or not provider.is_alive

    def _is_not_worth_keeping(self, provider: PooledProvider) -> bool:
        is_short = psutil.virtual_memory().available < self._spare_bytes
        return is_short or self._is_past(provider)

    async def _retire(self, is_past: Callable[[PooledProvider], bool]) -> None:
        """End the idle providers of which ``is_past`` says so."""
        past = [item for item in self._kept if not item.is_lent and is_past(item)]
        for provider in past:
            provider.is_lent = True  # nobody may take it while it ends
        await asyncio.gather(*(self._end(provider) for provider in past))

    async def _end(self, provider: PooledProvider) -> None:
        if not provider.is_alive:
            words = await provider.last_words()
            log.warning(
                "provider_died", account=provider.spec.account, pid=provider.pid, reason=words
            )
        await provider.end()
        self._kept.remove(provider)


def clear_leftovers(*folders: Path) -> None:
    """Remove the folders of providers that a killed pool left."""
    for folder in folders:
        for left in folder.glob("p-*"):
            discard_tree(left)
