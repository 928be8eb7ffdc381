"""The private folder in which one operation runs Terraform, one per operation.

Owns its layout, its privacy (0700, files 0600) and the choice of the newest valid state in it when
a run died. It must not decide when a run directory may go: only a durable promotion allows that.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.domain.state_file import StateFile
from app.errors import ConflictError, NotFoundError, StateError, UnavailableError
from app.storage.run_files import STATE_FILE, RunFiles

OPERATION_ID = re.compile(r"[a-z]{1,8}_[0-9a-z]{1,48}(-[0-9]{1,6})?")
CLI_CONFIG_FILE = "landform.tfrc"


@dataclass(frozen=True)
class RunDirectory:
    """The folder at ``path``; every file of a run has its one place here."""

    path: Path

    @property
    def exists(self) -> bool:
        """Whether the folder is there, from this attempt or an earlier one."""
        return self.path.is_dir()

    @property
    def state_path(self) -> Path:
        """The private state copy that Terraform reads and writes."""
        return self.path / STATE_FILE

    @property
    def backup_path(self) -> Path:
        """The copy that Terraform makes before its first write."""
        return self.path / f"{STATE_FILE}.backup"

    @property
    def errored_state_path(self) -> Path:
        """Where Terraform puts a state that it could not write in its place."""
        return self.path / "errored.tfstate"

    @property
    def plan_path(self) -> Path:
        """The saved plan; it holds sensitive values in plain text."""
        return self.path / "landform.tfplan"

    @property
    def refresh_plan_path(self) -> Path:
        """The saved plan of a ``-refresh-only`` run."""
        return self.path / "landform-refresh.tfplan"

    @property
    def logs(self) -> Path:
        """Folder of the output of each step."""
        return self.path / "logs"

    @property
    def home(self) -> Path:
        """HOME of Terraform."""
        return self.path / "home"

    @property
    def temporary(self) -> Path:
        """TMPDIR of Terraform."""
        return self.path / "tmp"

    @property
    def cli_config_path(self) -> Path:
        """Terraform's CLI configuration."""
        return self.path / CLI_CONFIG_FILE

    def provider_executable(self, source: str) -> Path | None:
        """Return the provider that ``init`` installed, or None unless there is exactly one.

        Args:
            source: its address, such as ``registry.terraform.io/hashicorp/aws``.
        """
        installed = self.path / ".terraform" / "providers" / source
        found = list(installed.glob("*/*/terraform-provider-*"))
        return found[0].resolve() if len(found) == 1 else None

    def events_path(self, step_name: str) -> Path:
        """Return the file with the event lines of one step."""
        return self.logs / f"{step_name}.jsonl"

    def prepare(self, files: RunFiles) -> None:
        """Fill the folder for a run.

        Raises:
            ConflictError: the folder holds an earlier run, which may hold the only copy of a state.
            UnavailableError: the work folder cannot be written.
        """
        with _translate_errors(self.path):
            self._create_folders()
            for name, content in files.all().items():
                _write_private(self.path / name, content)

    def state_bytes(self) -> bytes | None:
        """Return the private state copy as it is now, torn or not, or None without one."""
        try:
            return self.state_path.read_bytes()
        except FileNotFoundError:
            return None

    def newest_valid_state(self, lineage: str | None = None) -> bytes | None:
        """Return the newest complete state that the run left, for salvage, or None.

        Looks at the private copy, Terraform's emergency file, its backup, and the state that it
        prints as a last resort on a full disk; the highest serial wins, of equal ones the first
        in this order.

        Args:
            lineage: only a state of this lineage counts; None takes any.
        """
        found: list[tuple[int, bytes]] = []
        for data in self._salvage_candidates():
            try:
                state = StateFile.parse(data)
            except StateError:
                continue
            if lineage in (None, state.lineage):
                found.append((state.serial, data))
        return max(found, key=lambda item: item[0])[1] if found else None

    def remove(self) -> None:
        """Delete the folder; only after its state is promoted durably. Gone already is fine."""
        with _translate_errors(self.path):
            if self.path.is_dir():
                shutil.rmtree(self.path)

    def _salvage_candidates(self) -> Iterator[bytes]:
        for path in (self.state_path, self.errored_state_path, self.backup_path):
            with suppress(FileNotFoundError):
                yield path.read_bytes()
        with suppress(FileNotFoundError):
            yield from _dumped_states(self.events_path("apply"))

    def _create_folders(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.path.mkdir(mode=0o700)
        except FileExistsError as error:
            raise ConflictError(
                f"{self.path} holds an earlier run of this operation.",
                advice="Salvage its state and remove it first.",
            ) from error
        for folder in (self.logs, self.home, self.temporary):
            folder.mkdir(mode=0o700)


class RunDirectories:
    """Every run directory under ``work_root``."""

    def __init__(self, work_root: Path) -> None:
        self._runs = work_root / "runs"

    def of(self, operation_id: str) -> RunDirectory:
        """Return the run directory of an operation, which need not exist yet.

        Raises:
            NotFoundError: ``operation_id`` is not one; it could lead elsewhere.
        """
        if OPERATION_ID.fullmatch(operation_id) is None:
            raise NotFoundError(f"{operation_id[:60]!r} is not the id of an operation.")
        return RunDirectory(self._runs / operation_id)

    def leftovers(self) -> tuple[str, ...]:
        """Return the ids of operations whose run directory is still there, sorted."""
        if not self._runs.is_dir():
            return ()
        names = [entry.name for entry in self._runs.iterdir() if entry.is_dir()]
        return tuple(sorted(name for name in names if OPERATION_ID.fullmatch(name)))


def _dumped_states(events_path: Path) -> Iterator[bytes]:
    """Yield each state in an "Emergency state dump" line, written as a state file again."""
    with events_path.open("rb") as lines:
        for line in lines:
            if b'"Emergency state dump"' in line:
                with suppress(ValueError, KeyError, TypeError):
                    yield json.dumps(json.loads(line)["state"], indent=2).encode() + b"\n"


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


@contextmanager
def _translate_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise UnavailableError(
            f"The run directory {path} cannot be written ({reason}): "
            + ("make room there" if full else "let Landform's user write there")
            + ", or set LANDFORM_WORK_ROOT to another folder."
        ) from error
