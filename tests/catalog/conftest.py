"""A catalog of its own for each test: the shipped one, copied, to be changed at will."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.catalog.releases import RELEASED_FILE_NAME
from app.errors import CatalogError

SHIPPED = Path(__file__).resolve().parents[2] / "terraform"
DOC = (SHIPPED.parent / "docs/blueprints.md").read_text(encoding="utf-8")
BUCKET = "blueprints/bucket/blueprint.yaml"
OTHERS = [pattern for name in ("aws", "azure", "gcp") for pattern in (name, f"{name}.*")]
EXAMPLE = re.compile(r"<!-- file: (\S+) -->\n+```\w+\n(.*?)```\n", re.DOTALL)


@dataclass(frozen=True)
class CatalogFolder:
    """A catalog on disk that a test may spoil."""

    root: Path

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def line_of(self, file: str, text: str) -> int:
        lines = (self.root / file).read_text(encoding="utf-8").splitlines()
        return next(number for number, line in enumerate(lines, 1) if text in line)

    def add_parameter(self, text: str, variables: dict[str, str]) -> None:
        """Give the bucket more parameters, and its module variables of these types for them."""
        body = "".join(f"    {line}\n" for line in text.strip("\n").splitlines())
        self.replace(BUCKET, "  properties:\n", f"  properties:\n{body}")
        declared = (
            f'variable "{name}" {{\n  type = {type_}\n}}\n' for name, type_ in variables.items()
        )
        self.write("blueprints/bucket/sandbox/extra.tf", "".join(declared))

    def load(self) -> Catalog:
        return load_catalog(self.root)

    def diagnostics(self) -> list[str]:
        """Return what loading complains about, with paths from the root of the catalogue."""
        with pytest.raises(CatalogError) as caught:
            self.load()
        lines = caught.value.detail.split("\n")
        assert lines == caught.value.context["diagnostics"]
        return [line.removeprefix(f"{self.root}/") for line in lines]


def copy_catalog(root: Path) -> CatalogFolder:
    """Copy the shipped catalog to ``root``, with nothing released yet.

    One cloud and version will do: each change would have to be made in the modules of them all.
    """
    others = shutil.ignore_patterns(*OTHERS, "versions", RELEASED_FILE_NAME)
    shutil.copytree(SHIPPED, root, ignore=others)
    for file in root.glob("blueprints/*/blueprint.yaml"):
        file.write_text(re.sub(r"(?m)^downgrade_to: .*\n", "", file.read_text(encoding="utf-8")))
    return CatalogFolder(root)


@pytest.fixture
def folder(tmp_path: Path) -> CatalogFolder:
    return copy_catalog(tmp_path / "terraform")


@pytest.fixture
def with_example(folder: CatalogFolder) -> CatalogFolder:
    """The shipped catalog and the kind that the documentation walks through."""
    files = EXAMPLE.findall(DOC)
    assert len(files) == 3
    for name, text in files:
        folder.write(name, text)
    return folder


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(SHIPPED)
