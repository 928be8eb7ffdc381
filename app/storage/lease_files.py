"""What the workers of this host note of their leases, for whoever stops Terraform in their place.

One small file for each apply that runs, in ``leases`` of the work folder: whose it is, and until
when the lease of its operation holds, in seconds since this machine was started. It is overwritten
in place, so that a full disk does not keep a worker from saying that it lives. SQL is not asked.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

FILE_BYTES = 512


@dataclass(frozen=True)
class LeaseNote:
    """How the lease of one apply is.

    Attributes:
        operation_id: whose.
        owner: identity of the worker's process, as ``ProcessIdentity.to_dict`` has it.
        renewed_at: when it was renewed last, by ``app.clock.boot_seconds``.
        lease_seconds: how long it holds from then.
        is_stopping: whether the worker itself is stopping Terraform.
    """

    operation_id: str
    owner: dict[str, Any]
    renewed_at: float
    lease_seconds: float
    is_stopping: bool = False


class LeaseFiles:
    """The notes of one host, in ``work_root``."""

    def __init__(self, work_root: Path) -> None:
        self._folder = work_root / "leases"

    def write(self, note: LeaseNote) -> None:
        """Write or overwrite the note of an operation.

        Raises:
            OSError: the disk refused.
        """
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        data = json.dumps(asdict(note)).encode().ljust(FILE_BYTES)
        descriptor = os.open(
            self._folder / note.operation_id, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600
        )
        try:
            os.pwrite(descriptor, data, 0)
        finally:
            os.close(descriptor)

    def remove(self, operation_id: str) -> None:
        """Remove the note of an operation; there need be none."""
        with suppress(OSError):
            (self._folder / operation_id).unlink()

    def read_all(self) -> list[LeaseNote]:
        """Return every note that can be read."""
        found = []
        with suppress(FileNotFoundError):
            for path in self._folder.iterdir():
                with suppress(OSError, ValueError, TypeError):
                    found.append(LeaseNote(**json.loads(path.read_text(encoding="utf-8"))))
        return found
