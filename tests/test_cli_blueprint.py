"""``landform admin blueprint``: start a kind, check a catalog, compare and release versions."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.cli import REFUSED, main
from tests.catalog.conftest import BUCKET, CatalogFolder, copy_catalog


@pytest.fixture
def folder(tmp_path: Path) -> CatalogFolder:
    return copy_catalog(tmp_path / "terraform")


def run(folder: CatalogFolder, *words: str) -> int:
    return main(["blueprint", *words, "--catalog", str(folder.root)])


def publish(folder: CatalogFolder, version: str) -> None:
    """Copy the bucket to ``versions/`` and give it a new version."""
    kind = folder.root / "blueprints/bucket"
    old = folder.load().kind("bucket").version
    shutil.copytree(kind, folder.root / "copy", ignore=shutil.ignore_patterns("versions"))
    shutil.move(folder.root / "copy", kind / "versions" / old)
    folder.replace(BUCKET, f"version: {old}\n", f"version: {version}\n")


def test_the_shipped_catalog_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["blueprint", "check"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_a_new_kind_is_there_and_right(
    folder: CatalogFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(folder, "new", "mail-queue", "--cloud", "sandbox") == 0
    assert "mail-queue/sandbox/main.tf" in capsys.readouterr().out
    assert folder.load().kind("mail-queue").title == "Mail queue"
    assert run(folder, "check") == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["new", "../up", "--cloud", "sandbox"], "lower-case"),
        (["new", "Queue", "--cloud", "sandbox"], "lower-case"),
        (["new", "queue", "--plural", "a b", "--cloud", "sandbox"], "lower-case"),
        (["new", "queue", "--cloud", "nowhere"], "There is no cloud nowhere"),
        (["new", "bucket", "--cloud", "sandbox"], "there already"),
        (["diff", "nothing"], "There is no kind nothing"),
        (["diff", "bucket", "7.7.7"], "has no version 7.7.7"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    folder: CatalogFolder, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    before = sorted(folder.root.rglob("*"))
    assert run(folder, *words) == REFUSED
    assert said in capsys.readouterr().err
    assert sorted(folder.root.rglob("*")) == before


def test_a_break_that_the_number_hides_is_a_mistake(
    folder: CatalogFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(folder, "1.9.0")
    folder.replace(BUCKET, "maximum: 3650", "maximum: 30")
    assert run(folder, "diff", "bucket") == 1
    printed = capsys.readouterr().out
    assert "BREAKING  parameters.expire_after_days" in printed
    assert "raise the first number" in printed
    assert run(folder, "check") == 1
    folder.replace(BUCKET, "version: 1.9.0", "version: 2.0.0")
    assert run(folder, "check") == 0


def test_a_released_version_may_not_be_changed_and_nothing_wrong_is_released(
    folder: CatalogFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(folder, "1.9.0")
    assert run(folder, "release") == 0
    assert "released bucket 1.9.0" in capsys.readouterr().out
    folder.replace(BUCKET, "maximum: 3650", "maximum: 3651")
    register = (folder.root / "blueprints/released.json").read_bytes()
    assert run(folder, "release") == 1
    assert "bucket 1.9.0 was released and its contract has changed" in capsys.readouterr().out
    assert (folder.root / "blueprints/released.json").read_bytes() == register


def test_a_catalog_that_does_not_load_names_every_mistake(
    folder: CatalogFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.replace(BUCKET, "maximum: 3650", "maximun: 3650")
    assert run(folder, "check") == REFUSED
    assert "maximun" in capsys.readouterr().err
