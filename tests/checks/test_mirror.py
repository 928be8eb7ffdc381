"""Modules without a test are found, and so is every row of the table that is not true any more."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.mirror import TABLE, check_mirror, find_modules, find_untested

TESTS = ("tests/api/test_sessions.py", "tests/services/stacks/test_expiry.py")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with a module that has a test at its path, and a test of nothing in particular."""
    put(tmp_path, *TESTS, "app/__init__.py", "app/services/stacks/expiry.py")
    return tmp_path


def put(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def tell(root: Path, *rows: str) -> list[str]:
    """Return what the check finds with these rows as the whole table."""
    put(root, str(TABLE))
    (root / TABLE).write_text("# module: tests\n\n" + "".join(f"{row}\n" for row in rows))
    return [str(finding) for finding in check_mirror(root)]


@pytest.mark.parametrize(
    ("module", "test"),
    [
        ("app/services/stacks/create.py", "tests/services/stacks/test_create.py"),
        ("app/clock.py", "tests/test_clock.py"),
        ("app/clock.py", "tests/leaves/test_clock.py"),
        ("workers/duties.py", "tests/workers/test_duties.py"),
    ],
)
def test_a_test_at_the_mirrored_path_is_enough(tree: Path, module: str, test: str) -> None:
    put(tree, module)
    (found,) = tell(tree)
    assert found.startswith(f"{module}:1: no test at the mirrored path and no row")
    put(tree, test)
    assert tell(tree) == []


def test_leaves_are_only_of_what_lies_directly_in_app(tree: Path) -> None:
    put(tree, "app/services/clock.py", "tests/leaves/test_clock.py")
    assert len(tell(tree)) == 1


@pytest.mark.parametrize(
    "row",
    [
        "app/api/auth.py: tests/api/test_sessions.py",
        "app/api/auth.py:   tests/services tests/api/test_sessions.py",
        "app/api/*.py: tests/api",
    ],
)
def test_a_row_says_where_else_a_module_is_tested(tree: Path, row: str) -> None:
    put(tree, "app/api/auth.py")
    assert tell(tree, row) == []


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("app/api/gone.py: tests/api", "there is no module app/api/gone.py"),
        ("app/gone/*.py: tests/api", "there is no module app/gone/*.py"),
        ("auth.py: tests/api", "there is no module auth.py"),
        ("app/services/stacks/expiry.py: tests/api", "has a test at the mirrored path"),
        ("app/services/stacks/*.py: tests/api", "has a test at the mirrored path"),
        ("app/api/auth.py: tests/api/test_gone.py", "tests/api/test_gone.py is no test file"),
        ("app/api/auth.py: tests/gone", "tests/gone is no test file"),
        ("app/api/auth.py: tests/empty", "tests/empty is no test file"),
        ("app/api/auth.py: tests/api/conftest.py", "tests/api/conftest.py is no test file"),
        ("app/api/auth.py: app/api", "app/api is no test file"),
        ("app/api/auth.py:", "has no test beside it"),
        ("app/api/auth.py", "has no test beside it"),
    ],
)
def test_a_row_that_is_not_true_any_more_is_found_with_its_line(
    tree: Path, row: str, said: str
) -> None:
    put(tree, "app/api/auth.py", "tests/api/conftest.py", "tests/empty/rest.py")
    (found,) = [line for line in tell(tree, row) if line.startswith(str(TABLE))]
    assert found.startswith(f"{TABLE}:3: ")
    assert said in found


def test_a_module_has_one_row(tree: Path) -> None:
    put(tree, "app/api/auth.py")
    row = "app/api/auth.py: tests/api"
    assert tell(tree, row, row) == [
        f"{TABLE}:4: app/api/auth.py is in line 3 already; make them one row"
    ]


def test_a_twentieth_of_the_modules_may_have_none(tree: Path) -> None:
    tested = [f"app/domain/m{number}.py" for number in range(18)]
    put(tree, *tested, *(f"tests/domain/test_m{number}.py" for number in range(18)))
    put(tree, "app/api/auth.py")
    assert len(find_modules(tree)) == 20
    assert find_untested(tree) == [Path("app/api/auth.py")]
    assert tell(tree) == []
    put(tree, "app/api/users.py")
    assert [found.partition(":")[0] for found in tell(tree)] == [
        "app/api/auth.py",
        "app/api/users.py",
    ]


def test_the_place_of_a_package_is_no_module(tree: Path) -> None:
    put(tree, "app/api/__init__.py", "workers/__init__.py")
    assert find_modules(tree) == [Path("app/services/stacks/expiry.py")]
