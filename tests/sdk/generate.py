"""Generate the clients of ``docs/openapi.json`` into ``build/sdk``: Python, TypeScript, Go, Java.

Sources that people wrote (helpers, configurations of the generators) are in ``docs/sdk``. A tool
that is not on this machine is named, and its clients are left out.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from app.config.settings import REPOSITORY_ROOT

DOCUMENT = REPOSITORY_ROOT / "docs" / "openapi.json"
SOURCES = REPOSITORY_ROOT / "docs" / "sdk"
TARGET = REPOSITORY_ROOT / "build" / "sdk"
SCRIPTS = Path(sys.executable).parent


class MissingToolError(Exception):
    """This machine lacks what a generator needs; the text says what to install."""


def build_python(target: Path = TARGET / "python") -> Path:
    """Build wheel and source distribution of ``landform-client``; return the folder of both."""
    shutil.rmtree(target, ignore_errors=True)
    left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(SOURCES / "python", target / "source", ignore=left_out)
    for build in ("build_sdist", "build_wheel"):
        call = f"from setuptools import build_meta; build_meta.{build}({str(target)!r})"
        _run("python", "-c", call, folder=target / "source")
    shutil.rmtree(target / "source")
    return target


def generate_python(target: Path = TARGET / "python-typed") -> Path:
    """Generate ``landform_typed_client`` and add the helper; return the project's folder."""
    shutil.rmtree(target, ignore_errors=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    document = target.with_suffix(".json")
    document.write_text(json.dumps(_without_not_modified(json.loads(DOCUMENT.read_text()))))
    _run(
        "openapi-python-client",
        *("generate", "--path", str(document), "--output-path", str(target)),
        *("--config", str(SOURCES / "python-typed" / "config.yaml"), "--meta", "setup"),
        "--fail-on-warning",
    )
    shutil.copy(SOURCES / "python-typed" / "waiting.py", target / "landform_typed_client")
    return target


def generate_typescript(target: Path = TARGET / "typescript") -> Path:
    """Generate the types of ``landform-client``, compile and pack it; return the folder.

    Raises:
        MissingToolError: there is no Node.js, or what it needs cannot be installed.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise MissingToolError("TypeScript needs Node.js 20 or newer: apt-get install nodejs npm.")
    shutil.rmtree(target / "src", ignore_errors=True)
    shutil.rmtree(target / "dist", ignore_errors=True)
    shutil.copytree(SOURCES / "typescript", target, dirs_exist_ok=True)
    _install_node_modules(npm, target)
    modules = target / "node_modules" / ".bin"
    schema = target / "src" / "schema.ts"
    _run(
        str(modules / "openapi-typescript"),
        *(str(DOCUMENT), "--output", str(schema), "--default-non-nullable=false"),
        folder=target,
    )
    _run(str(modules / "tsc"), folder=target)
    shutil.copy(REPOSITORY_ROOT / "LICENSE", target)
    for former in target.glob("*.tgz"):
        former.unlink()
    _run(npm, "pack", "--silent", folder=target)
    return target


def generate_go(target: Path = TARGET / "go") -> Path:
    """Generate the Go package ``landform``; return its folder.

    Raises:
        MissingToolError: there is no Java, which the generator needs.
    """
    return _generate_by_java("go", target)


def generate_java(target: Path = TARGET / "java") -> Path:
    """Generate the Java package ``io.landform.client``; return its folder.

    Raises:
        MissingToolError: there is no Java.
    """
    return _generate_by_java("java", target)


GENERATORS: dict[str, Callable[[], Path]] = {
    "Python": build_python,
    "Python, generated": generate_python,
    "TypeScript": generate_typescript,
    "Go": generate_go,
    "Java": generate_java,
}


def _without_not_modified(document: dict[str, Any]) -> dict[str, Any]:
    """Leave 304 and If-None-Match out: an answer without a body makes the whole result ``Any``.

    A function that never sends the header never gets the answer.
    """
    for path in document["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "304" in operation["responses"]:
                del operation["responses"]["304"]
                kept = [p for p in operation["parameters"] if p["name"] != "If-None-Match"]
                operation["parameters"] = kept
    return document


def _generate_by_java(language: str, target: Path) -> Path:
    if shutil.which("java") is None:
        raise MissingToolError(
            f"{language.capitalize()} needs Java 11 or newer for its generator: "
            "apt-get install default-jre-headless."
        )
    shutil.rmtree(target, ignore_errors=True)
    _run(
        "openapi-generator-cli",
        *("generate", "--generator-name", language, "--input-spec", str(DOCUMENT)),
        *("--config", str(SOURCES / language / "config.yaml"), "--output", str(target)),
        *("--global-property", "apiTests=false,modelTests=false", "--skip-validate-spec"),
    )
    return target


def _install_node_modules(npm: str, target: Path) -> None:
    """Install what the lock file names, unless that was done already."""
    wanted = hashlib.sha256((target / "package-lock.json").read_bytes()).hexdigest()
    stamp = target / "node_modules" / ".landform-lock"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--silent")
    try:
        _run(npm, "ci", *options, folder=target)
    except RuntimeError as failed:
        raise MissingToolError(f"The registry of npm was not reached. {failed}") from failed
    stamp.write_text(wanted)


def _run(program: str, *arguments: str, folder: Path | None = None) -> None:
    """Run a generator; show what it says only when it fails."""
    path = f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    executable = shutil.which(program, path=path)
    assert executable is not None, f"{program} is missing: make install-dev"
    done = subprocess.run(
        [executable, *arguments],
        cwd=folder,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{program} ended with {done.returncode}:\n{done.stdout[-4000:]}")
