"""One provider process that serves many runs of Terraform, one after the other.

Owns its start, its private folder and its end. It must not outlive the process that keeps it: the
launcher has the kernel send SIGTERM when the keeper dies, however suddenly.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from app.errors import UnavailableError
from app.terraform.discovery import LAUNCHER
from app.terraform.launcher import ENGINE_PROVIDER
from app.terraform.provider_client import ProviderClient, UnreadableError
from app.terraform.provider_order import ProviderOrder, read_announcement
from app.terraform.provider_reading import RecordedResource

START_SECONDS = 8.0
MAX_ANNOUNCEMENT_LINES = 20
STOP_SECONDS = 6.0
"""The sandbox's provider lets running calls end within five seconds of a SIGTERM."""


class KeptProvider:
    """A running provider; start it with ``start``, from the thread that lives longest."""

    def __init__(
        self, order: ProviderOrder, folder: Path, process: asyncio.subprocess.Process
    ) -> None:
        self.order = order
        self.reattach = ""
        self.uses = 0
        self.is_lent = False
        self.is_configured = False
        self.returned_at = time.monotonic()
        self._folder = folder
        self._process = process
        self._drain: asyncio.Task[None] | None = None
        self._client: ProviderClient | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    @classmethod
    async def start(cls, order: ProviderOrder, root: Path, sockets: Path | None) -> KeptProvider:
        """Start a provider and wait until it says how to reach it.

        Args:
            order: what to start.
            root: private folder; HOME and TMPDIR of the provider are made in it.
            sockets: private folder in which it listens; its TMPDIR if left out.

        Raises:
            UnavailableError: it did not start, or said nothing of use in time.
        """
        folder = Path(tempfile.mkdtemp(prefix="p-", dir=root))
        try:
            provider = cls(order, folder, await _launch(order, folder, sockets))
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise UnavailableError(f"The provider cannot be started: {error}.") from error
        try:
            async with asyncio.timeout(START_SECONDS):
                provider.reattach = await provider._hear()
        except (TimeoutError, ValueError) as error:
            raise UnavailableError("The provider did not say how to reach it.") from error
        finally:
            if not provider.reattach:
                await provider.end()
        provider._drain = asyncio.create_task(provider._drain_output())
        return provider

    async def read(self, resources: Sequence[RecordedResource]) -> str | None:
        """Have the provider read resources; see ``ProviderClient.read``."""
        try:
            self._client = self._client or ProviderClient(self.reattach)
        except UnreadableError:
            return None
        return await self._client.read(resources)

    async def end(self) -> None:
        """Stop the process, gracefully first, and remove its folder."""
        if self._client is not None:
            await self._client.close()
        if self.is_alive:
            self._signal(signal.SIGTERM)
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await self._process.wait()
        if self.is_alive:
            self._signal(signal.SIGKILL)
            await self._process.wait()
        if self._drain is not None:
            self._drain.cancel()
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _hear(self) -> str:
        """Return the value for ``TF_REATTACH_PROVIDERS`` that the provider prints."""
        output = self._process.stdout
        for _ in range(MAX_ANNOUNCEMENT_LINES):
            line = await output.readline() if output is not None else b""
            if not line:
                break
            reattach = read_announcement(line)
            if reattach is not None:
                return reattach
        raise UnavailableError("The provider ended, or did not say how to reach it.")

    async def _drain_output(self) -> None:
        """Read what the provider prints later, which nobody needs, so that it never blocks."""
        output = self._process.stdout
        while output is not None and await output.read(65536):
            pass

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


async def _launch(
    order: ProviderOrder, folder: Path, sockets: Path | None
) -> asyncio.subprocess.Process:
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PLUGIN_UNIX_SOCKET_DIR": str(sockets or folder),
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        ENGINE_PROVIDER,
        order.executable,
        str(os.getpid()),
        *order.arguments,
        cwd=folder,
        env={**order.environment, **own},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,  # it may hold secrets; Terraform gets what matters
        start_new_session=True,
    )
