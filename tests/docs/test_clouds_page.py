"""The table of docs/clouds.md has a cell for each kind on each cloud, and says what is so."""

from __future__ import annotations

import re

from app.catalog.loader import load_catalog
from tests.catalog.conftest import SHIPPED

TITLES = {"sandbox": "sandbox", "aws": "AWS", "gcp": "Google Cloud", "azure": "Azure"}
PROVEN = {"real provider", "stand-in"}
PAGE = (SHIPPED.parent / "docs" / "clouds.md").read_text(encoding="utf-8")


def test_each_kind_has_a_cell_for_each_cloud_that_says_whether_it_is_offered() -> None:
    head, _, *rows = re.findall(r"^\|(.+)\|$", PAGE, re.MULTILINE)[: 2 + PAGE.count("\n| `")]
    columns = [cell.strip() for cell in head.split("|")][1:]
    cells = {}
    for row in rows:
        kind, *values = (cell.strip() for cell in row.split("|"))
        cells[kind.strip("`")] = dict(zip(columns, values, strict=True))
    catalog = load_catalog(SHIPPED)
    assert set(columns) == {TITLES[name] for name in catalog.clouds}
    assert set(cells) == set(catalog.kinds)
    for name, kind in catalog.kinds.items():
        offered = {cloud for cloud, title in TITLES.items() if cells[name][title] in PROVEN}
        assert offered == set(kind.clouds), name
        said = {cells[name][TITLES[cloud]] for cloud in catalog.clouds.keys() - offered}
        assert said <= {"not offered"}, name
