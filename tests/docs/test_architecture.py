"""The page about the architecture names modules that exist."""

from __future__ import annotations

import re

import pytest

from app.config.settings import REPOSITORY_ROOT

PAGE = (REPOSITORY_ROOT / "docs/architecture.md").read_text(encoding="utf-8")
ENGINE = REPOSITORY_ROOT / "app/services/engine"
PATH = re.compile(r"`((?:app|workers|sandbox|templates|tests)/[a-z_/.]+)`")


def engine_modules() -> list[str]:
    table = PAGE.partition("## The engine (")[2].partition("\n\n**")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`([a-z_/]+)`", cell)]


def exists(path: str) -> bool:
    return any((REPOSITORY_ROOT / name).exists() for name in (path, f"{path}.py"))


@pytest.mark.parametrize("name", engine_modules())
def test_each_module_of_the_table_is_there(name: str) -> None:
    assert exists(f"app/services/engine/{name}")


def test_each_module_of_the_engine_is_in_the_table() -> None:
    modules = {
        path.relative_to(ENGINE).with_suffix("").as_posix()
        for path in ENGINE.rglob("*.py")
        if path.stem != "__init__" and path.parent.name != "steps"
    }
    assert modules - set(engine_modules()) == set()


@pytest.mark.parametrize("path", sorted(set(PATH.findall(PAGE))))
def test_each_path_on_the_page_is_there(path: str) -> None:
    assert exists(path.rstrip("/"))
