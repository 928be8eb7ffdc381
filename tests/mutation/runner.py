"""Run the tests of a module against a sample of its mutants, in a copy of the project.

A runner of our own: the kept tools want a project whose tests run in their process (ours start
servers, fork and freeze the collector), or a whole run of all tests for each mutant.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.config.settings import REPOSITORY_ROOT
from tests.mutation.equivalent import EQUIVALENT
from tests.mutation.ledger import Ledger
from tests.mutation.mutants import Mutant, mutants_of

SEED = 20261130
LEFT_OUT = shutil.ignore_patterns(".*", "var", "build", "__pycache__", "docs")
SECONDS = 400
RULES = "tests/domain"
OF_ALL_RULES = ("tests/domain/test_frozen.py",)
ENVIRONMENT = {
    "CI": "true",  # Hypothesis has no deadline then, and draws the same each time
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",  # which takes two seconds and serves no test here
}
SERVICES = {
    "app/services/engine/claims.py": (
        "tests/services/engine/test_claims_and_leases.py",
        "tests/services/engine/test_claims.py",
    ),
    "app/services/queue/order.py": (
        "tests/services/queue/test_order.py",
        "tests/services/test_at_once.py",
        "tests/services/queue/test_redelivery.py",
    ),
    "app/services/access.py": ("tests/api/test_roles.py", "tests/api/resources/test_tokens.py"),
}


@dataclass(frozen=True)
class Target:
    """A module, and the tests that ought to notice a change of it."""

    module: str
    tests: tuple[str, ...]

    @property
    def is_rule(self) -> bool:
        return self.module.startswith("app/domain/")


@dataclass(frozen=True)
class Result:
    """What became of one mutant."""

    module: str
    mutant: Mutant
    is_killed: bool

    @property
    def reason(self) -> str | None:
        """Why no test can kill it, where that is so."""
        return EQUIVALENT.get((self.module, self.mutant.change, self.mutant.place))


def targets(root: Path = REPOSITORY_ROOT) -> list[Target]:
    """Return the modules that are mutated: rules, claims, queue and access.

    The tests of a rule are those that import it, then those of the rules that it serves.
    """
    found = [Target(module, tests) for module, tests in SERVICES.items()]
    rules = sorted((root / "app/domain").glob("*.py"))
    tests = sorted((root / RULES).glob("test_*.py"))
    for path in rules:
        served = [path, *_importers(path, rules)]
        nearest = dict.fromkeys(test for rule in served for test in _importers(rule, tests))
        names = tuple(test.relative_to(root).as_posix() for test in nearest) + OF_ALL_RULES
        found.append(Target(path.relative_to(root).as_posix(), names))
    return found


def _importers(rule: Path, files: list[Path]) -> list[Path]:
    line = f"from app.domain.{rule.stem} import "
    return [path for path in files if line in path.read_text(encoding="utf-8")]


def sample(count: int, root: Path = REPOSITORY_ROOT) -> list[tuple[Target, Mutant]]:
    """Return ``count`` mutants of all targets, those of the rules first: they take a second each.

    Drawn by a hash of each, so that a change of one module leaves the choice in the others.
    """
    everything = [
        (target, mutant)
        for target in targets(root)
        for mutant in mutants_of((root / target.module).read_text(encoding="utf-8"))
    ]
    drawn = sorted(everything, key=lambda item: _lot(item[0].module, item[1]))[:count]
    return sorted(drawn, key=lambda item: not item[0].is_rule)


def _lot(module: str, mutant: Mutant) -> str:
    return hashlib.sha256(f"{SEED} {module} {mutant.change} {mutant.place}".encode()).hexdigest()


def run(
    drawn: list[tuple[Target, Mutant]], folder: Path, seconds: float, ledger: Ledger | None = None
) -> Iterator[Result]:
    """Try one mutant after another until all are done or the time is over.

    Args:
        drawn: which ones.
        folder: where the copy of the project is made.
        seconds: after this long, only what is known already is told.
        ledger: results of earlier runs, which are not tried again; new ones are added.
    """
    copy = folder / "copy"
    shutil.copytree(REPOSITORY_ROOT, copy, ignore=LEFT_OUT, symlinks=True)
    ledger = ledger or Ledger()
    deadline, sound = time.monotonic() + seconds, set[tuple[str, ...]]()
    for target, mutant in drawn:
        key = ledger.key_of(mutant.source, [copy / test for test in target.tests])
        known = ledger.get(key)
        if known is None:
            if time.monotonic() > deadline:
                continue
            _expect_content(copy, target, sound)
            known = _is_killed(copy, target, mutant)
            ledger.add(key, is_killed=known)
        yield Result(target.module, mutant, known)


def _expect_content(copy: Path, target: Target, sound: set[tuple[str, ...]]) -> None:
    """Make sure that the tests pass without a change, or they would kill every mutant."""
    if target.tests not in sound:
        assert passes(copy, target.tests), f"{target.tests} fail without a change"
        sound.add(target.tests)


def _is_killed(copy: Path, target: Target, mutant: Mutant) -> bool:
    path = copy / target.module
    original = path.read_text(encoding="utf-8")
    path.write_text(mutant.source, encoding="utf-8")
    try:
        return not passes(copy, target.tests)
    finally:
        path.write_text(original, encoding="utf-8")


def passes(copy: Path, tests: tuple[str, ...]) -> bool:
    """Tell whether the tests are content; one that hangs is not."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    if all(test.startswith(RULES) for test in tests):
        command.append("--noconftest")  # needs none, and the fixtures' imports take longest
    try:
        ended = subprocess.run(
            [*command, "-p", "pytest_timeout", *tests],
            cwd=copy,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env={**os.environ, **ENVIRONMENT},
        )
    except subprocess.TimeoutExpired:
        return False
    return ended.returncode == 0
