"""The command as people install it, in an environment without the server, and a live Landform."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.running import RunningLandform, running_landform
from tests.sdk.empty_environment import install
from tests.sdk.generate import build_python

SECONDS = 150


@dataclass(frozen=True)
class Shell:
    """Runs the command, with profiles of its own."""

    path: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """What the command sees of the environment."""
        return {
            "PATH": f"{self.path}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "HOME": str(self.folder),
            "NO_PROXY": "127.0.0.1",
            "LANG": "C.UTF-8",
            "TERM": "xterm",
        }

    def run(
        self, *words: str, stdin: str = "", **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run ``landform`` as a script would."""
        return subprocess.run(
            ["landform", *words],
            cwd=self.folder,
            env={**self.environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def bash(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script of bash that stops at the first command that fails."""
        return subprocess.run(
            ["/bin/bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the installed command."""
    folder = tmp_path_factory.mktemp("command")
    return install(build_python(folder / "built"), folder / "empty").parent


@pytest.fixture
def shell(installed: Path, tmp_path: Path) -> Shell:
    return Shell(installed, tmp_path)


@pytest.fixture(scope="module")
def landform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLandform]:
    home = tmp_path_factory.mktemp("landform") / "home"
    with running_landform(home, LANDFORM_LOGIN_RATE="1000/minute") as running:
        yield running


@pytest.fixture
def signed_in(shell: Shell, landform: RunningLandform) -> Shell:
    """Return a shell that is signed in as the administrator."""
    password = (landform.home / "admin-password").read_text()
    url = f"http://127.0.0.1:{landform.port}"
    words = ("login", url, "--username", "admin", "--password-stdin")
    done = shell.run(*words, stdin=password)
    assert done.returncode == 0, done.stderr
    return shell
