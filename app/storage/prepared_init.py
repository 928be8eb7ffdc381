"""What ``terraform init`` made of a module, kept so that the next run with it need not.

Only where init did nothing but link to providers in a filesystem mirror and write its lock file:
then it does the same each time. Owns what "the same" means: the module, the providers that the
state names, the versions in the mirrors, and Terraform. Whatever is odd means: run init.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from app.logs import get_logger
from app.storage.run_directory import LOCK_FILE, RunDirectory

KEPT = 64
"""Modules; more are there only when blueprints are being written."""

DRAFT_SECONDS = 3600.0
STATE_PROVIDER = re.compile(rb'provider\[\\"([^"\\]+)\\"\]')
"""The address of a provider as a state has it, in a JSON string: ``provider["a.test/b/c"]``."""

Stamp = list[int]

log = get_logger(__name__)


class PreparedInit:
    """The result of ``init`` for the module in one run directory."""

    def __init__(
        self, work_root: Path, directory: RunDirectory, terraform: str, mirrors: Sequence[Path]
    ) -> None:
        """Prepare, before Terraform changes anything in the run directory.

        Args:
            work_root: where the results are kept.
            directory: filled for a run; its CLI configuration is written.
            terraform: names the Terraform that would run, with its version.
            mirrors: the filesystem mirrors of that configuration; they need not exist.
        """
        self._directory = directory
        self._folder = work_root / "prepared"
        self._file = self._folder / f"{_digest(directory, terraform, mirrors)}.json"

    def fingerprint(self) -> str | None:
        """Name the module, Terraform and the very files of the providers; None if none is kept."""
        try:
            kept = self._file.read_bytes()
        except OSError:
            return None
        return f"{self._file.stem}:{hashlib.sha256(kept).hexdigest()}"

    def restore(self) -> bool:
        """Put the result into the run directory; tell whether ``init`` is spared."""
        try:
            known = json.loads(self._file.read_bytes())
            links = {
                name: (Path(link["target"]), link["stamps"])
                for name, link in known["links"].items()
            }
            if any(_stamps(target) != stamps for target, stamps in links.values()):
                return False  # the mirror has another provider now
            self._link({name: target for name, (target, _) in links.items()}, str(known["lock"]))
        except FileNotFoundError:
            return False
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.warning("init_not_restored", error=f"{type(error).__name__}: {error}")
            self.forget()
            return False
        return True

    def _link(self, links: dict[str, Path], lock: str) -> None:
        """Make the links and the lock file, or nothing."""
        made = self._directory.path / ".terraform"
        try:
            for name, target in links.items():
                path = self._directory.path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.symlink_to(target)
            (self._directory.path / LOCK_FILE).write_text(lock, encoding="utf-8")
        except OSError:
            shutil.rmtree(made, ignore_errors=True)
            raise

    def keep(self) -> None:
        """Keep what ``init`` has just made, if it can be made again by linking."""
        try:
            links = self._links()
            if links is None:
                return
            lock = (self._directory.path / LOCK_FILE).read_text(encoding="utf-8")
            self._write({"links": links, "lock": lock})
            self._prune()
        except (OSError, ValueError) as error:
            log.warning("init_not_kept", error=str(error))  # the next run does it again

    def forget(self) -> None:
        """Have the next run with this module do its own ``init``."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

    def _links(self) -> dict[str, Any] | None:
        """Return each link that init made, or None when it made more than links."""
        made, links = self._directory.path / ".terraform", {}
        for path in _files(made):
            if not path.is_symlink():
                return None
            target = path.resolve(strict=True)
            name = str(path.relative_to(self._directory.path))
            links[name] = {"target": str(target), "stamps": _stamps(target)}
        return links or None

    def _write(self, content: dict[str, Any]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, draft = tempfile.mkstemp(dir=self._folder, prefix=".draft-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(content, file)
            Path(draft).replace(self._file)
        finally:
            Path(draft).unlink(missing_ok=True)

    def _prune(self) -> None:
        files = sorted(self._folder.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)
        for path in self._folder.glob(".draft-*"):  # of a process that was killed
            if time.time() - path.stat().st_mtime > DRAFT_SECONDS:
                path.unlink(missing_ok=True)


def _digest(directory: RunDirectory, terraform: str, mirrors: Sequence[Path]) -> str:
    """Return the name of everything that ``init`` looks at."""
    names = sorted(
        path.name
        for path in directory.path.iterdir()
        if path.name.endswith((".tf", ".tf.json")) or path.name == LOCK_FILE
    )
    digest = hashlib.sha256(terraform.encode())
    for name in (*names, directory.cli_config_path.name):
        data = (directory.path / name).read_bytes()
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    for provider in sorted(set(STATE_PROVIDER.findall(directory.state_bytes() or b""))):
        digest.update(b"\0" + provider)
    for mirror in mirrors:
        digest.update(f"\0{mirror}\0{_versions(mirror)}".encode())
    return digest.hexdigest()


def _versions(mirror: Path) -> list[str]:
    """Return what lies in a mirror for each provider: init takes the newest version that fits."""
    return sorted(str(path.relative_to(mirror)) for path in mirror.glob("*/*/*/*"))


def _files(folder: Path) -> Iterator[Path]:
    """Yield what is in ``folder`` and is no folder itself; links are not followed."""
    for root, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(root) / name
            if path.is_symlink() or not path.is_dir():
                yield path


def _stamps(target: Path) -> dict[str, Stamp]:
    """Return size, time and inode of each file of a provider's folder."""
    found = {}
    for path in sorted(_files(target)):
        status = path.stat()
        name = str(path.relative_to(target))
        found[name] = [status.st_size, status.st_mtime_ns, status.st_ino]
    if not found:
        raise FileNotFoundError(f"{target} holds no provider.")
    return found
