"""docs/console.md names every page that there is, and its pictures exist."""

from __future__ import annotations

import re
from pathlib import Path

from flask import Flask

from tests.pictures.__main__ import pages
from tests.pictures.scene import Scene

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "console.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_PICTURE_BYTES = 200_000


def test_every_page_of_the_console_is_in_its_document(console_app: Flask) -> None:
    pages = {
        re.sub(r"<(\w+_id|project)>", "<id>", rule.rule.replace("<int:", "<"))
        for rule in console_app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in ("console", "session")
        and "GET" in (rule.methods or set())
    }
    assert len(pages) > 15
    assert [page for page in sorted(pages) if f"`{page}`" not in DOCUMENT] == []


def test_every_picture_is_there_and_small() -> None:
    pictures = pictures_of(DOCUMENT)
    assert len(set(pictures)) == 10
    kept = {path.name for path in (ROOT / "docs" / "images").iterdir()}
    assert kept == {Path(picture).name for picture in pictures}
    for picture in pictures:
        assert 10_000 < (ROOT / "docs" / picture).stat().st_size < MAX_PICTURE_BYTES, picture


def test_every_picture_is_one_that_make_pictures_takes() -> None:
    taken = pages(Scene("stk_1", "op_1", "op_2"))
    assert {f"images/{name}.png" for name in taken} == set(pictures_of(DOCUMENT))
    assert len(set(pictures_of(README, "docs/"))) in (2, 3)


def pictures_of(text: str, folder: str = "") -> list[str]:
    """Return the pictures that a document shows from ``images``."""
    return re.findall(rf"!\[[^\]]+\]\({folder}(images/[^)]+)\)", text)
