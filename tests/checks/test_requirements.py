"""The pins are complete, exact, documented, and what is installed."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys

import pytest
from packaging.requirements import Requirement

from tests.checks.tree import CODE, OURS, ROOT, python_sources

FILES = ("requirements.txt", "requirements-dev.txt")
# Put into every environment by Python itself.
BOOTSTRAP = {"pip", "setuptools", "wheel"}
# Imported beside the package that brings them: they are its vocabulary.
NAMESPACES = {"click", "google", "jwt", "lark", "limits", "markupsafe", "referencing"}


def normalise(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def read_pins(file: str, *, only_direct: bool = False) -> dict[str, str]:
    """Return the version of each package that ``file`` pins for this Python."""
    text = (ROOT / file).read_text()
    if only_direct:
        text = text.partition("# What those need in turn.")[0]
    pins = {}
    for line in text.splitlines():
        if not line or line.startswith(("#", "-r ")):
            continue
        requirement = Requirement(line)
        (specifier,) = requirement.specifier
        assert specifier.operator == "==", line
        if requirement.marker is None or requirement.marker.evaluate():
            pins[normalise(requirement.name)] = specifier.version
    return pins


@pytest.mark.parametrize("file", FILES)
def test_what_is_installed_is_what_is_pinned(file: str) -> None:
    installed = {name: importlib.metadata.version(name) for name in read_pins(file)}
    assert installed == read_pins(file)


def test_what_the_pinned_packages_need_is_pinned_too() -> None:
    pinned = {name for file in FILES for name in read_pins(file)}
    needed = {
        normalise(requirement.name)
        for name in pinned
        for requirement in map(Requirement, importlib.metadata.requires(name) or [])
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""})
    }
    assert needed - BOOTSTRAP - pinned == set()


def test_the_code_imports_direct_dependencies_only() -> None:
    direct = read_pins(FILES[0], only_direct=True).keys()
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


def test_nothing_is_pinned_twice() -> None:
    assert read_pins(FILES[0]).keys() & read_pins(FILES[1]).keys() == set()


@pytest.mark.parametrize("file", FILES)
def test_every_direct_dependency_has_its_reason_in_the_docs(file: str) -> None:
    documented = (ROOT / "docs" / "dependencies.md").read_text()
    names = re.findall(r"^\| `([^`]+)`", documented, re.MULTILINE)
    missing = read_pins(file, only_direct=True).keys() - {normalise(name) for name in names}
    assert missing == set()


def test_the_installed_packages_agree_with_each_other() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", "check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", FILES)
def test_the_pins_name_no_package_index(file: str) -> None:
    lines = (ROOT / file).read_text().splitlines()
    assert [line for line in lines if "://" in line or line.startswith(("-i", "--"))] == []
