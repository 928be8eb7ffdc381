"""One provider process that serves many runs of Terraform, one after the other.

Owns its start, its private folder and its end. It must not outlive the process that keeps it: the
launcher has the kernel send SIGTERM when the pool dies, however suddenly.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from pathlib import Path

from app.errors import UnavailableError
from app.terraform.confinement import Confinement
from app.terraform.discovery import LAUNCHER
from app.terraform.launcher import ENGINE_PROVIDER
from app.terraform.output_tail import OutputTail
from app.terraform.provider_client import ProviderClient, UnreadableError
from app.terraform.provider_reading import RecordedResource
from app.terraform.provider_spec import ProviderSpec, read_announcement
from app.tree_removal import discard_tree

Confine = Callable[[Path, Collection[Path]], Confinement]

START_SECONDS = 8.0
MAX_ANNOUNCEMENT_LINES = 20
LAST_WORDS_SECONDS = 1.0
"""What a provider started may hold its output open for longer than it lives itself."""

STOP_SECONDS = 6.0
"""The sandbox's provider lets running calls end within five seconds of a SIGTERM."""


class PooledProvider:
    """A running provider; start it with ``start``, from the thread that lives longest."""

    def __init__(
        self,
        spec: ProviderSpec,
        folders: tuple[Path, ...],
        process: asyncio.subprocess.Process,
    ) -> None:
        self.spec = spec
        self.reattach = ""
        self.uses = 0
        self.is_lent = False
        self.is_configured = False
        self.returned_at = time.monotonic()
        self._folders = folders
        self._process = process
        self._drain: asyncio.Task[None] | None = None
        self._errors = OutputTail(spec.environment.values())
        self._listening = asyncio.create_task(self._listen())
        self._client: ProviderClient | None = None

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.returncode is None

    async def last_words(self) -> str:
        """Return how a provider ended and what it last said of trouble, as a clause."""
        await asyncio.wait({self._listening}, timeout=LAST_WORDS_SECONDS)
        said = self._errors.text()
        end = "" if self.is_alive else f"it ended with code {self._process.returncode}, "
        return f"{end}and said: {said}" if said else f"{end}and said nothing"

    @classmethod
    async def start(
        cls, spec: ProviderSpec, root: Path, sockets: Path | None, confine: Confine
    ) -> PooledProvider:
        """Start a provider and wait until it says how to reach it.

        Args:
            spec: what to start.
            root: private folder; HOME and TMPDIR of the provider are made in it.
            sockets: private folder in which it listens; its TMPDIR if left out.
            confine: gives the limits of a process that runs an executable in some folders.

        Raises:
            UnavailableError: it did not start, or said nothing of use in time.
        """
        folder = Path(tempfile.mkdtemp(prefix="p-", dir=root))
        folders: tuple[Path, ...] = (folder,)
        try:
            if sockets is not None:
                # One of its own: whoever knows the socket of a kept provider may use it.
                folders = (folder, Path(tempfile.mkdtemp(prefix="p-", dir=sockets)))
            provider = cls(spec, folders, await _launch(spec, folder, folders[-1], confine))
        except OSError as error:
            for made in folders:
                discard_tree(made)
            raise UnavailableError(f"The provider cannot be started: {error}.") from error
        try:
            async with asyncio.timeout(START_SECONDS):
                provider.reattach = await provider._hear()
        except (TimeoutError, ValueError):
            pass  # told below, as one that ends
        finally:
            if not provider.reattach:
                await provider.end()
        if not provider.reattach:
            raise UnavailableError(
                f"The provider did not say how to reach it; {await provider.last_words()}"
            )
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
        for task in (self._drain, self._listening):
            if task is not None:
                await asyncio.wait({task}, timeout=LAST_WORDS_SECONDS)
                task.cancel()
        for folder in self._folders:
            discard_tree(folder)

    async def _hear(self) -> str:
        """Return the value for ``TF_REATTACH_PROVIDERS`` that the provider prints, if it does."""
        output = self._process.stdout
        for _ in range(MAX_ANNOUNCEMENT_LINES):
            line = await output.readline() if output is not None else b""
            if not line:
                break
            reattach = read_announcement(line)
            if reattach is not None:
                return reattach
        return ""

    async def _drain_output(self) -> None:
        """Read what the provider prints later, which nobody needs, so that it never blocks."""
        output = self._process.stdout
        while output is not None and await output.read(65536):
            pass

    async def _listen(self) -> None:
        """Keep the last of what the provider says of trouble."""
        if self._process.stderr is not None:
            await self._errors.follow(self._process.stderr)

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


async def _launch(
    spec: ProviderSpec, folder: Path, sockets: Path, confine: Confine
) -> asyncio.subprocess.Process:
    own = {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "PLUGIN_UNIX_SOCKET_DIR": str(sockets),
    }
    confinement = confine(Path(spec.executable), {folder, sockets})
    if confinement.account is not None:
        for made in {folder, sockets}:
            os.chown(made, confinement.account.uid, confinement.account.gid)
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        ENGINE_PROVIDER,
        spec.executable,
        str(os.getpid()),
        confinement.word(),
        *spec.arguments,
        cwd=folder,
        env={**spec.environment, **own},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
