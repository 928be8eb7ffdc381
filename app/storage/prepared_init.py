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
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from app.domain.state_errors import StateError
from app.logs import get_logger
from app.storage.folder_walk import walk
from app.storage.run_directory import RunDirectory
from app.storage.run_files import LOCK_FILE, RunFiles
from app.storage.run_reading import read_plain
from app.tree_removal import discard_tree

KEPT = 64
"""Modules; more are there only when blueprints are being written."""

DRAFT_SECONDS = 3600.0
STATE_PROVIDER = re.compile(rb'provider\[\\"([^"\\]+)\\"\]')
"""The address of a provider as a state has it, in a JSON string: ``provider["a.test/b/c"]``."""

Stamp = list[int]

log = get_logger(__name__)


@dataclass(frozen=True)
class Installation:
    """What ``init`` looks at beside the files of a run, read once and good for many runs.

    Args:
        terraform: names the Terraform that would run, with its version.
        cli_config: Terraform's CLI configuration.
        mirrors: the filesystem mirrors of that configuration; they need not exist.
    """

    terraform: str
    cli_config: str
    mirrors: tuple[Path, ...]

    @cached_property
    def digest(self) -> bytes:
        """A digest of it, with the versions that lie in the mirrors now."""
        words = [self.terraform, self.cli_config]
        words += [f"{mirror}\0{_versions(mirror)}" for mirror in self.mirrors]
        return hashlib.sha256("\0".join(words).encode()).digest()


@dataclass(frozen=True)
class _Result:
    """The links that ``init`` made, by name in the run directory, and its lock file."""

    links: dict[str, Path]
    lock: str


class PreparedInit:
    """The result of ``init`` for the files of a run."""

    def __init__(self, work_root: Path, files: RunFiles, installation: Installation) -> None:
        """Prepare; nothing is read yet.

        Args:
            work_root: where the results are kept.
            files: those with which the run directory is filled.
            installation: what else ``init`` looks at.
        """
        self._folder = work_root / "prepared"
        self._file = self._folder / f"{_digest(files, installation)}.json"

    def fingerprint(self) -> str | None:
        """Name the module, Terraform and the very files of the providers; None if none is kept."""
        try:
            kept = self._file.read_bytes()
        except OSError:
            return None
        return f"{self._file.stem}:{hashlib.sha256(kept).hexdigest()}"

    def restore(self, directory: RunDirectory) -> bool:
        """Put the result into the run directory; tell whether ``init`` is spared."""
        try:
            known = self._read()
            if known is not None:
                _link(directory, known)
        except (OSError, ValueError) as error:
            log.warning("init_not_restored", error=f"{type(error).__name__}: {error}")
            self.forget()
            return False
        return known is not None

    def provider_executable(self, source: str) -> Path | None:
        """Return the provider that the result links to, or None unless there is exactly one.

        Args:
            source: its address, such as ``registry.terraform.io/hashicorp/aws``.
        """
        try:
            known = self._read()
        except (OSError, ValueError):
            return None
        prefix = f".terraform/providers/{source}/"
        targets = (
            [path for name, path in known.links.items() if name.startswith(prefix)] if known else []
        )
        found = [path for target in targets for path in target.glob("terraform-provider-*")]
        return found[0].resolve() if len(found) == 1 else None

    def _read(self) -> _Result | None:
        """Return what is kept, or None when nothing is, or the mirror has another provider now.

        Raises:
            ValueError: what is kept is damaged.
            OSError: it cannot be read, or a link leads to nothing.
        """
        try:
            known = json.loads(self._file.read_bytes())
        except FileNotFoundError:
            return None
        try:
            links = {
                name: (Path(link["target"]), link["stamps"])
                for name, link in known["links"].items()
            }
            lock = str(known["lock"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        with suppress(FileNotFoundError):
            if all(_stamps(target) == stamps for target, stamps in links.values()):
                return _Result({name: target for name, (target, _) in links.items()}, lock)
        return None

    def keep(self, directory: RunDirectory) -> None:
        """Keep what ``init`` has just made, if it can be made again by linking."""
        try:
            links = _links(directory)
            if links is None:
                return
            lock = read_plain(directory.path / LOCK_FILE).decode("utf-8")
            self._write({"links": links, "lock": lock})
            self._prune()
        except (OSError, ValueError, StateError) as error:
            log.warning("init_not_kept", error=str(error))  # the next run does it again

    def forget(self) -> None:
        """Have the next run with this module do its own ``init``."""
        with suppress(OSError):
            self._file.unlink(missing_ok=True)

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


def _link(directory: RunDirectory, result: _Result) -> None:
    """Make the links and the lock file, or nothing."""
    made = directory.path / ".terraform"
    try:
        for name, target in result.links.items():
            path = directory.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        (directory.path / LOCK_FILE).write_text(result.lock, encoding="utf-8")
    except OSError:
        discard_tree(made)
        raise


def _links(directory: RunDirectory) -> dict[str, Any] | None:
    """Return each link that init made, or None when it made more than links."""
    made, links = directory.path / ".terraform", {}
    for path in _files(made):
        if not path.is_symlink():
            return None
        target = path.resolve(strict=True)
        name = str(path.relative_to(directory.path))
        links[name] = {"target": str(target), "stamps": _stamps(target)}
    return links or None


def _digest(files: RunFiles, installation: Installation) -> str:
    """Return the name of everything that ``init`` looks at."""
    digest = hashlib.sha256(installation.digest)
    for name, data in sorted(files.configuration.items()):
        digest.update(f"\0{name}\0{len(data)}\0".encode() + data)
    for provider in sorted(set(STATE_PROVIDER.findall(files.state or b""))):
        digest.update(b"\0" + provider)
    return digest.hexdigest()


def _versions(mirror: Path) -> list[str]:
    """Return what lies in a mirror for each provider: init takes the newest version that fits."""
    return sorted(str(path.relative_to(mirror)) for path in mirror.glob("*/*/*/*"))


def _files(folder: Path) -> Iterator[Path]:
    """Yield what is in ``folder`` and is no folder itself; links are not followed."""
    for entry in walk(folder):
        if not entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


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
