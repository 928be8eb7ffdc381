"""A released version of a blueprint is never changed in place."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.catalog.releases import RELEASED_FILE_NAME, find_changed, read_releases, write_releases
from app.errors import CatalogError
from tests.catalog.conftest import BUCKET, SHIPPED, CatalogFolder


@pytest.fixture
def released(folder: CatalogFolder) -> CatalogFolder:
    added = write_releases(folder.root, folder.load())
    assert any(line.startswith("bucket ") for line in added)
    return folder


def changed(folder: CatalogFolder) -> list[str]:
    return find_changed(folder.load(), read_releases(folder.root))


def test_what_is_shipped_is_as_it_was_released(catalog: Catalog) -> None:
    releases = read_releases(SHIPPED)
    assert releases
    assert find_changed(catalog, releases) == []


def test_a_changed_contract_module_or_limit_is_named(released: CatalogFolder) -> None:
    assert changed(released) == []
    released.replace(BUCKET, "maximum: 3650", "maximum: 3660")
    (said,) = changed(released)
    assert said.startswith("bucket ")
    assert "its contract has changed" in said
    released.replace(BUCKET, "maximum: 3660", "maximum: 3650")
    file = "blueprints/bucket/sandbox/main.tf"
    released.write(file, (released.root / file).read_text(encoding="utf-8") + "\n# More.\n")
    (said,) = changed(released)
    assert "its part for sandbox has changed" in said


def test_prose_may_be_mended_and_a_cloud_added(released: CatalogFolder) -> None:
    kind = released.load().kind("bucket")
    released.replace(BUCKET, f"title: {kind.title}\n", "title: Another word\n")
    source = released.root / "blueprints/bucket/sandbox"
    target = released.root / "blueprints/bucket/other"
    shutil.copytree(source, target)
    cloud = (released.root / "clouds/sandbox.yaml").read_text(encoding="utf-8")
    released.write("clouds/other.yaml", cloud.replace("name: sandbox", "name: other", 1))
    lock = (released.root / "clouds/sandbox.lock.hcl").read_text(encoding="utf-8")
    released.write("clouds/other.lock.hcl", lock)
    assert changed(released) == []
    assert write_releases(released.root, released.load()) == [], "no version is new"
    register = read_releases(released.root)
    assert "other" in register["bucket"][kind.version]
    released.write("blueprints/bucket/other/more.tf", "# More.\n")
    assert "its part for other" in changed(released)[0]


def test_a_new_version_is_free_until_it_is_released(released: CatalogFolder) -> None:
    version = released.load().kind("bucket").version
    old = released.root / "blueprints/bucket"
    shutil.copytree(old, released.root / "kept")
    shutil.move(released.root / "kept", old / "versions" / version)
    released.replace(BUCKET, f"version: {version}", "version: 99.0.0")
    released.replace(BUCKET, "maximum: 3650", "maximum: 3660")
    assert changed(released) == []
    assert write_releases(released.root, released.load()) == ["bucket 99.0.0"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"bucket": 1}', "\x00"])
def test_a_register_that_is_none_is_refused(folder: CatalogFolder, text: str) -> None:
    file = folder.root / "blueprints" / RELEASED_FILE_NAME
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        read_releases(folder.root)
    assert str(file) in caught.value.detail


def test_a_catalog_without_a_register_has_released_nothing(tmp_path: Path) -> None:
    assert read_releases(tmp_path) == {}
    assert find_changed(load_catalog(SHIPPED), {}) == []


def test_the_register_is_kept_in_one_order(released: CatalogFolder) -> None:
    file = released.root / "blueprints" / RELEASED_FILE_NAME
    before = file.read_text(encoding="utf-8")
    write_releases(released.root, released.load())
    assert file.read_text(encoding="utf-8") == before
    assert list(json.loads(before)) == sorted(json.loads(before))
