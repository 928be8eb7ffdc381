"""What the stacks of a project cost in a month, on a page and as a file."""

from __future__ import annotations

from flask import Response, render_template

from app.console.projects.read_costs import CostRow, CostsPage, read_costs
from app.console.shell.csv_export import csv_of
from app.console.shell.pages import pages
from app.web.context import current_context, current_principal

COLUMNS = ("stack", "low", "typical", "high", "currency", "priced", "unpriced", "prices_from")


@pages.get("/settings/projects/<project>/costs")
def show_costs(project: str) -> str:
    """Show what each stack costs, and all of them together."""
    page = read_costs(current_context(), current_principal(), project)
    return render_template("projects/costs.html", page=page)


@pages.get("/settings/projects/<project>/costs.csv")
def download_costs(project: str) -> Response:
    """Send the same as a file for a spreadsheet."""
    page = read_costs(current_context(), current_principal(), project)

    def read(_wanted: object) -> CostsPage:
        return page

    return csv_of(f"costs-{page.project}", COLUMNS, read, _cell)


def _cell(row: CostRow, column: str) -> object:
    return getattr(row, column)
