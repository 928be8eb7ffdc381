"""Every route that answers CSV, found by asking all of them for it, with hostile values in SQL."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass

from flask import Flask

from app.console.shell.csv_export import all_rows
from app.domain.csv_lines import FORMULA_STARTS
from app.models import DriftFinding, Operation, Project, Stack, User
from app.services import audit
from app.services.access import Principal
from app.services.context import Context
from app.services.paging import PageRequest
from tests.api.rest import Rest
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, updated

EVIL = "=cmd|' /C calc'!A0;=cmd|' /C calc'!A0"
ARMLESS = "'=cmd|' /C calc'!A0;'=cmd|' /C calc'!A0"
KNOWN = {
    "/stacks.csv",
    "/operations.csv",
    "/drift.csv",
    "/audit/export.csv",
    "/api/v1/audit-events",
}
# Texts that people or clouds choose; everything else in these tables is Landform's own.
SPOILT = {
    Stack: ("name", "status_reason", "region", "created_by"),
    Operation: ("requested_by", "approved_by"),
    DriftFinding: ("address", "resource_id", "resource_type", "severity_reason"),
    Project: ("title",),
    User: ("name",),
}


def spoil(ctx: Context, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.drift(made, "drifted", [updated(f'{EVIL}["a"]', EVIL, EVIL, EVIL)])
    with ctx.write() as session:
        for model, names in SPOILT.items():
            for row in session.query(model):
                for name in names:
                    if hasattr(row, name):
                        setattr(row, name, EVIL)
        caller = Principal("usr_x", EVIL, address=EVIL)
        audit.record_as(session, caller, EVIL, EVIL, EVIL, detail=EVIL)


def test_no_csv_of_any_route_has_a_cell_that_a_spreadsheet_would_run(
    console_app: Flask, ctx: Context, visitor: Visitor, fleet: Fleet
) -> None:
    rest = Rest(console_app)
    spoil(ctx, fleet)
    found = {}
    for rule in console_app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()):
            continue
        path = re.sub(r"<extension>", "csv", rule.rule)
        path = re.sub(r"<int:\w+>", "1", re.sub(r"<(?:path:)?\w+>", "none_0", path))
        headers = {"Accept": "text/csv", **(rest.headers if path.startswith("/api/") else {})}
        answer = visitor.get(path, headers=headers)
        if answer.mimetype == "text/csv":
            found[path] = answer.text
    assert set(found) >= KNOWN
    for path, text in found.items():
        rows = list(csv.reader(io.StringIO(text, newline="")))
        cells = [cell for row in rows for cell in row]
        assert ARMLESS in cells, f"{path} shows nothing of what was spoilt"
        assert not [cell for cell in cells if cell.lstrip().startswith(FORMULA_STARTS)], path
        # As Excel reads it where a semicolon parts the cells.
        assert not re.search(r';[\s"]*=cmd', text), path


@dataclass(frozen=True)
class Numbers:
    """One page of a list of numbers."""

    rows: list[int]
    next_cursor: str | None


def test_an_export_reads_page_after_page() -> None:
    asked: list[PageRequest] = []

    def read(page: PageRequest) -> Numbers:
        asked.append(page)
        return Numbers([len(asked)], "next" if len(asked) < 3 else None)

    assert list(all_rows(read)) == [1, 2, 3]
    assert [page.cursor for page in asked] == [None, "next", "next"]
