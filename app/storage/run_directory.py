"""The private folder in which one operation runs Terraform, one per operation.

Owns its layout, its privacy (0700, files 0600) and the choice of the newest valid state in it when
a run died. It must not decide when a run directory may go: only a durable promotion allows that.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.errors import ConflictError, NotFoundError, UnavailableError
from app.storage.durable import write_durably
from app.storage.folder_walk import walk
from app.storage.run_files import IMPORTS_FILE, STATE_FILE, RunFiles, import_blocks
from app.storage.run_reading import read_plain
from app.storage.work_folder_errors import WorkFolderError, naming_folder
from app.terraform_account import TerraformAccount, open_to_account
from app.tree_removal import remove_tree

OPERATION_ID = re.compile(r"[a-z]{1,8}_[0-9a-z]{1,48}(-[0-9]{1,6})?")
CLI_CONFIG_FILE = "landform.tfrc"
ATTEMPT_FILE = "landform.attempt"
LEAST_FREE_BYTES = 8 * 1024 * 1024
"""For the module, the values, a plan and the output of one run; the ballast is kept beside it."""

OURS = (".tf", ".json", ".tfrc")
"""What Terraform reads and has no need to write: the module, its values, its configuration."""


@dataclass(frozen=True)
class RunDirectory:
    """The folder at ``path``; every file of a run has its one place here."""

    path: Path
    account: TerraformAccount | None = None
    """As whom Terraform works in it; None for Landform's own user."""

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

    @property
    def attempt(self) -> int | None:
        """Which attempt at the operation this is of; None where nobody noted it."""
        try:
            return int(read_plain(self.path / ATTEMPT_FILE))
        except (OSError, ValueError):
            return None

    def note_attempt(self, fence: int) -> None:
        """Note of which attempt the plan in the folder is.

        Raises:
            UnavailableError: the work folder cannot be written.
        """
        with naming_folder(self.path):
            write_durably(self.path / ATTEMPT_FILE, str(fence).encode())

    def prepare(self, files: RunFiles) -> None:
        """Fill the folder for a run.

        Raises:
            ConflictError: the folder holds an earlier run, which may hold the only copy of a state.
            UnavailableError: the work folder cannot be written.
        """
        with naming_folder(self.path):
            self._create_folders()
            for name, content in files.all().items():
                _write_private(self.path / name, content)

    def replace_imports(self, imports: Sequence[tuple[str, str]]) -> None:
        """Have the next plan import these pairs of address and id, and no others.

        Raises:
            UnavailableError: the work folder cannot be written.
        """
        # The file stays the one that Terraform's user may read and not change.
        with naming_folder(self.path):
            descriptor = os.open(self.path / IMPORTS_FILE, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "wb") as file:
                file.write(import_blocks(imports))

    def state_bytes(self) -> bytes | None:
        """Return the private state copy as it is now, torn or not, or None without one.

        Raises:
            StateError: something else is in its place.
            UnavailableError: there may be one, and it cannot be read.
        """
        return _read(self.state_path)

    @property
    def has_valid_state(self) -> bool:
        """Whether the private state copy is there and complete.

        Raises:
            UnavailableError: there may be one, and it cannot be read.
        """
        try:
            data = self.state_bytes()
            return data is not None and bool(StateFile.parse(data))
        except StateError:
            return False

    def newest_valid_state(self, lineage: str | None = None) -> bytes | None:
        """Return the newest complete state that the run left, for salvage, or None.

        Looks at the private copy, Terraform's emergency file, its backup, and the state that it
        prints as a last resort on a full disk; the highest serial wins, of equal ones the first
        in this order.

        Args:
            lineage: only a state of this lineage counts; None takes any.

        Raises:
            UnavailableError: there may be one, and it cannot be read.
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
        """Delete the folder; only after its state is promoted durably. Gone already is fine.

        Also what goes meanwhile: the worker that ended and the maintenance loop may both be at it.
        A file or a link in its place goes as well, and never what a link leads to.
        """
        with naming_folder(self.path):
            if self.path.is_dir() and not self.path.is_symlink():
                remove_tree(self.path)
            else:
                with suppress(FileNotFoundError, NotADirectoryError):
                    self.path.unlink()

    def _salvage_candidates(self) -> Iterator[bytes]:
        for path in (self.state_path, self.errored_state_path, self.backup_path):
            with suppress(StateError):
                data = _read(path)
                if data is not None:
                    yield data
        with suppress(OSError):  # a last resort, where no file of a state can be used
            yield from _dumped_states(self.events_path("apply"))

    def hand_over(self) -> None:
        """Give Terraform's account what it is to read and write, and nothing else of the folder.

        Landform keeps the folder, the module and the output of the steps. The sticky bit has
        Terraform replace none of those. Without an account there is nothing to do.

        Raises:
            UnavailableError: the work folder cannot be written.
        """
        if self.account is None:
            return
        uid, gid = self.account.uid, self.account.gid
        with naming_folder(self.path):
            os.chown(self.path, -1, gid)
            self.path.chmod(0o1770)
            for entry in os.scandir(self.path):
                if entry.name == self.logs.name:
                    continue
                is_ours = entry.is_file(follow_symlinks=False) and entry.name.endswith(OURS)
                os.chown(entry, -1 if is_ours else uid, gid, follow_symlinks=False)
                if is_ours:
                    os.chmod(entry, 0o640, follow_symlinks=False)  # noqa: PTH101
                elif entry.is_dir(follow_symlinks=False):
                    _give(Path(entry), uid, gid)

    def _create_folders(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.account is not None:
            for folder in (self.path.parent.parent, self.path.parent):
                open_to_account(folder, self.account)
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

    def __init__(self, work_root: Path, account: TerraformAccount | None = None) -> None:
        """Use ``work_root``; ``account`` is as whom Terraform works in them."""
        self._runs = work_root / "runs"
        self.account = account

    def of(self, operation_id: str) -> RunDirectory:
        """Return the run directory of an operation, which need not exist yet.

        Raises:
            NotFoundError: ``operation_id`` is not one; it could lead elsewhere.
        """
        if OPERATION_ID.fullmatch(operation_id) is None:
            raise NotFoundError(f"{operation_id[:60]!r} is not the id of an operation.")
        return RunDirectory(self._runs / operation_id, self.account)

    def check(self) -> None:
        """Make sure that a run can begin.

        Raises:
            WorkFolderError: the folder cannot be written, or is nearly full.
        """
        try:
            self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)
            free_bytes = shutil.disk_usage(self._runs).free
            with tempfile.TemporaryFile(dir=self._runs) as file:
                file.write(b"Landform can write here.")
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkFolderError(f"{self._runs} cannot be written: {reason}.") from error
        if free_bytes < LEAST_FREE_BYTES:
            raise WorkFolderError(
                f"{self._runs} has {free_bytes // 2**20} MiB free; a run needs at least "
                f"{LEAST_FREE_BYTES // 2**20}."
            )

    def leftovers(self) -> tuple[str, ...]:
        """Return the ids of operations whose run directory is still there, sorted."""
        if not self._runs.is_dir():
            return ()
        names = [entry.name for entry in self._runs.iterdir() if entry.is_dir()]
        return tuple(sorted(name for name in names if OPERATION_ID.fullmatch(name)))


def _give(folder: Path, uid: int, gid: int) -> None:
    """Make everything in ``folder`` somebody's; links themselves, not what they lead to."""
    for entry in walk(folder):
        os.chown(entry.path, uid, gid, follow_symlinks=False)


def _dumped_states(events_path: Path) -> Iterator[bytes]:
    """Yield each state in an "Emergency state dump" line, written as a state file again."""
    descriptor = os.open(events_path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as lines:
        for line in lines:
            if b'"Emergency state dump"' in line:
                with suppress(ValueError, KeyError, TypeError):
                    yield json.dumps(json.loads(line)["state"], indent=2).encode() + b"\n"


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _read(path: Path) -> bytes | None:
    """Return what a file holds, or None when it, or a folder above it, is not there.

    Raises:
        StateError: something else is in its place.
        UnavailableError: it cannot be read.
    """
    try:
        return read_plain(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(
            f"{path} cannot be read ({reason}), and may hold the only copy of a state: "
            "let Landform's user read it."
        ) from error
