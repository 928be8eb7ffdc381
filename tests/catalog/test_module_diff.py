"""A resource that a new version no longer declares is named, unless it is renamed or let go."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.module_diff import find_lost_resources

OLD = 'resource "x_bucket" "a" {}\nresource "x_bucket" "b" {}\ndata "x_bucket" "c" {}\n'


def version(catalog: Catalog, folder: Path, text: str) -> KindBlueprint:
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text(text, encoding="utf-8")
    return replace(catalog.kind("bucket"), modules={"sandbox": folder})


RENAMED = """
resource "x_bucket" "a" {}
resource "x_bucket" "z" {}
moved {
  from = x_bucket.b
  to   = x_bucket.z
}
"""
LET_GO = """
resource "x_bucket" "a" {}
removed {
  from = x_bucket.b
  lifecycle {
    destroy = false
  }
}
"""


@pytest.mark.parametrize(
    ("new", "lost"),
    [
        (OLD, []),
        ('resource "x_bucket" "a" {}\n', ["x_bucket.b"]),
        ('resource "x_other" "a" {}\nresource "x_bucket" "b" {}\n', ["x_bucket.a"]),
        (RENAMED, []),
        (LET_GO, []),
        ("", ["x_bucket.a", "x_bucket.b"]),
    ],
)
def test_lost_resources_break(catalog: Catalog, tmp_path: Path, new: str, lost: list[str]) -> None:
    old = version(catalog, tmp_path / "old", OLD)
    found = find_lost_resources(old, version(catalog, tmp_path / "new", new))
    assert [item.place for item in found] == [f"clouds.sandbox.{address}" for address in lost]
    assert all(item.is_breaking for item in found)
