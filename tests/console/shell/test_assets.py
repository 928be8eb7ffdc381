"""Style sheets, scripts and icons: one sheet of many, sent once, small on the wire."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from flask import Flask

from app.console.shell.assets import SHEETS, digest_of
from tests.console.conftest import Visitor

ROOT = Path(__file__).resolve().parents[3]
CSS = ROOT / "static" / "css"
NOT_OF_THE_CONSOLE = {"api-docs"}


def test_every_sheet_is_part_of_the_one_that_is_sent(outsider: Visitor) -> None:
    names = {path.relative_to(CSS).with_suffix("").as_posix() for path in CSS.rglob("*.css")}
    assert names - NOT_OF_THE_CONSOLE == set(SHEETS)
    sent = outsider.text("/static/console.css")
    places = [sent.index((CSS / f"{name}.css").read_text()) for name in SHEETS]
    assert places == sorted(places)


def test_what_carries_its_version_is_kept_for_good(outsider: Visitor, console_app: Flask) -> None:
    page = outsider.text("/sign-in")
    addresses = re.findall(r'(?:href|src)="(/static/[^"#]+)', page)
    assert len(addresses) >= 2
    for address in addresses:
        assert "immutable" in outsider.get(address).headers["Cache-Control"], address
        plain, _, version = address.partition("?")
        assert version
        for other in (plain, f"{plain}?v=of-another-release"):
            assert "immutable" not in outsider.get(other).headers.get("Cache-Control", ""), other


def test_a_version_changes_with_any_file(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text("1")
    before = digest_of(tmp_path)
    assert digest_of(tmp_path) == before
    (tmp_path / "a.js").write_text("2")
    assert digest_of(tmp_path) != before


def test_files_travel_packed_and_arrive_whole(outsider: Visitor) -> None:
    path = "/static/vendor/htmx-2.0.8/htmx.min.js"
    plain = outsider.get(path)
    for _ in range(2):
        packed = outsider.get(path, headers={"Accept-Encoding": "gzip"})
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < len(plain.data) / 2
        assert gzip.decompress(packed.data) == plain.data
    assert "Content-Encoding" not in plain.headers
    assert outsider.get("/static/none.js", headers={"Accept-Encoding": "gzip"}).status_code == 404


def test_pages_are_never_packed(visitor: Visitor) -> None:
    """Whoever packs secrets with text that others choose gives the secrets away (BREACH)."""
    page = visitor.get("/stacks?q=guess", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in page.headers
