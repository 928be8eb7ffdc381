"""The pins are complete, exact, hashed, documented, and what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.checks.tree import CODE, OURS, ROOT, python_sources

BUILD, RUN, DEV = "requirements-build", "requirements", "requirements-dev"
OTEL = "requirements-otel"
# What traces need is installed for the tests by make, and left out by who installs by hand.
HAS_OTEL = bool(importlib.util.find_spec("opentelemetry"))
FILES = (BUILD, RUN, DEV, *((OTEL,) if HAS_OTEL else ()))
# Put into every environment by Python itself.
BOOTSTRAP = {"pip", "wheel"}
# Imported beside the package that brings them: they are its vocabulary.
NAMESPACES = {"click", "google", "jwt", "lark", "limits", "markupsafe", "referencing"}
HASH = re.compile(r" *--hash=sha256:[0-9a-f]{64}")


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_blocks(file: str) -> list[list[str]]:
    """Return each pin of a generated file: the requirement, then its hashes."""
    text = "".join(
        line
        for line in (ROOT / file).read_text().splitlines(keepends=True)
        if not line.lstrip().startswith("#")
    )
    return [line.split("\\\n") for line in re.split(r"(?<!\\)\n", text) if line.strip()]


def read_pins(file: str) -> dict[str, str]:
    """Return the version of each package that ``file`` pins for this Python."""
    pins = {}
    for line, *_ in read_blocks(file):
        if line.startswith("-r "):
            continue
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        if requirement.marker is None or requirement.marker.evaluate():
            pins[normalise(requirement.name)] = specifier.version
    return pins


@pytest.mark.parametrize("file", FILES)
def test_what_is_installed_is_what_is_pinned(file: str) -> None:
    pins = read_pins(f"{file}.txt")
    assert {name: importlib.metadata.version(name) for name in pins} == pins


@pytest.mark.parametrize("file", FILES)
def test_what_is_asked_for_is_what_is_pinned(file: str) -> None:
    asked, pinned = read_pins(f"{file}.in"), read_pins(f"{file}.txt")
    assert {name: pinned.get(name) for name in asked} == asked


@pytest.mark.parametrize("file", FILES)
def test_every_pin_has_the_hashes_of_its_files(file: str) -> None:
    without = [
        line
        for line, *hashes in read_blocks(f"{file}.txt")
        if not hashes or not all(HASH.fullmatch(each.rstrip()) for each in hashes)
    ]
    assert without == []


def test_nothing_is_installed_whose_hash_is_not_known() -> None:
    installs = [
        line
        for line in (ROOT / "Makefile").read_text().replace("\\\n", " ").splitlines()
        if "pip install" in line and not line.lstrip().startswith(("#", "echo"))
    ]
    told = ("apt-get", "`pip")  # sentences, not commands
    commands = [line for line in installs if not any(word in line for word in told)]
    assert commands
    for line in commands:
        assert {"--require-hashes", "--no-deps", "--no-build-isolation"} <= set(line.split()), line


def test_what_the_pinned_packages_need_is_pinned_too() -> None:
    pinned = {name for file in FILES for name in read_pins(f"{file}.txt")}
    needed = {
        normalise(requirement.name)
        for name in pinned
        for requirement in map(Requirement, importlib.metadata.requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    assert needed - BOOTSTRAP - pinned == set()


def test_the_code_imports_direct_dependencies_only() -> None:
    direct = read_pins(f"{RUN}.in").keys() | read_pins(f"{OTEL}.in").keys()
    providers = importlib.metadata.packages_distributions()
    imported = {
        name.split(".")[0]
        for source in python_sources(ROOT, *CODE, "migrations")
        for node in ast.walk(source.tree())
        for name in imported_names(node)
    }
    foreign = {name for name in imported if name in providers and name not in OURS}
    indirect = {
        name for name in foreign if not {normalise(each) for each in providers[name]} & direct
    }
    assert indirect <= NAMESPACES


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module] if isinstance(node, ast.ImportFrom) and node.module else []


def test_what_is_tested_is_what_runs() -> None:
    run, dev = read_pins(f"{RUN}.txt"), read_pins(f"{DEV}.txt")
    assert {name: dev.get(name) for name in run} == run
    assert {name: dev.get(name, it) for name, it in read_pins(f"{OTEL}.txt").items()} == read_pins(
        f"{OTEL}.txt"
    )
    build = read_pins(f"{BUILD}.txt")
    assert {name: run.get(name, version) for name, version in build.items()} == build


@pytest.mark.parametrize("file", FILES)
def test_every_direct_dependency_has_its_reason_in_the_docs(file: str) -> None:
    documented = (ROOT / "docs" / "dependencies.md").read_text()
    names = re.findall(r"^\| `([^`]+)`", documented, re.MULTILINE)
    missing = read_pins(f"{file}.in").keys() - {normalise(name) for name in names}
    assert missing == set()


def test_the_installed_packages_agree_with_each_other() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES)
def test_the_pins_name_no_package_index(file: str) -> None:
    for ending in ("in", "txt"):
        lines = (ROOT / f"{file}.{ending}").read_text().splitlines()
        assert [line for line in lines if "://" in line or line.startswith(("-i", "--"))] == []
