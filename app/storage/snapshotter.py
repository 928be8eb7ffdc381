"""Promotes each newer valid state while Terraform runs, so that a sudden end loses nothing.

Terraform's local backend truncates its file and writes it anew; a reader in between sees a torn or
empty file. That is expected here: it is skipped and looked at again at the next poll.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from app.domain.state_errors import StateError, StateLineageError
from app.domain.state_file import StateFile
from app.storage.run_reading import read_plain

Stamp = tuple[int, int, int]
PAUSE_FACTOR = 4
LONGEST_FACTOR = 10


class Snapshotter:
    """Watches one private state copy.

    Args:
        run_state_path: the file that Terraform writes; it need not exist yet.
        promote: makes the bytes the state of record, durably; its errors go on to the caller.
        min_interval_seconds: least time between two promotions during the run; up to ten
            times as long where a promotion takes long.
        baseline: the state that the run began with; it is not promoted again, and its lineage
            is required. None for a new stack.
    """

    def __init__(
        self,
        run_state_path: Path,
        promote: Callable[[bytes], None],
        min_interval_seconds: float = 0.0,
        *,
        baseline: bytes | None = None,
    ) -> None:
        state = StateFile.parse(baseline) if baseline is not None else None
        self._path = run_state_path
        self._promote = promote
        self._min_interval_seconds = min_interval_seconds
        self._lineage = state.lineage if state else None
        self._serial = state.serial if state else -1
        self._seen: Stamp | None = None
        self._promoted_at: float | None = None
        self._pause_seconds = min_interval_seconds

    def poll(self) -> bool:
        """Promote the file if it is a newer, complete state; costs one stat(2) otherwise.

        What cannot be read now ends no run: ``finish`` says so if it stays like that.

        Returns:
            Whether something was promoted.
        """
        if self._is_too_soon():
            return False
        stamp = self._stamp()
        if stamp is None or stamp == self._seen:
            return False
        try:
            newer = self._read_newer()
        except (StateError, OSError):
            return False
        promoted = self._promote_if(newer)
        # The stamp is older than the read, so a write in between is seen at the next poll.
        self._seen = stamp
        return promoted

    def finish(self) -> bool:
        """Promote what Terraform left at its end; nothing is excused any more.

        Returns:
            Whether something was promoted.

        Raises:
            StateError: the file is torn, of another lineage, or gone; salvage the run directory.
        """
        try:
            newer = self._read_newer()
        except FileNotFoundError:
            if self._serial < 0:
                return False
            raise StateError(f"{self._path.name} is gone from the run directory.") from None
        return self._promote_if(newer)

    def _read_newer(self) -> tuple[StateFile, bytes] | None:
        data = read_plain(self._path)
        state = StateFile.parse(data)
        if self._lineage is not None and state.lineage != self._lineage:
            raise StateLineageError(
                f"The run's state has lineage {state.lineage}, it began with {self._lineage}."
            )
        return (state, data) if state.serial > self._serial else None

    def _promote_if(self, newer: tuple[StateFile, bytes] | None) -> bool:
        if newer is None:
            return False
        state, data = newer
        began_at = time.monotonic()
        self._promote(data)
        self._lineage, self._serial = state.lineage, state.serial
        self._promoted_at = time.monotonic()
        # A large state takes long to save: most of the time goes to the apply all the same.
        pause = PAUSE_FACTOR * (self._promoted_at - began_at)
        longest = LONGEST_FACTOR * self._min_interval_seconds
        self._pause_seconds = max(self._min_interval_seconds, min(pause, longest))
        return True

    def _is_too_soon(self) -> bool:
        if self._promoted_at is None:
            return False
        return time.monotonic() - self._promoted_at < self._pause_seconds

    def _stamp(self) -> Stamp | None:
        try:
            status = self._path.lstat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size, status.st_ino
