"""Cut the plan of an operation into pages: that of a thousand resources has tens of megabytes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app import exact_json
from app.services.paging import Page, PageRequest, cut_numbered

MAX_PAGE_BYTES = 1024 * 1024
"""A page ends before it would be larger, but has at least one entry."""

LISTS = ("changes", "drift")


def plan_page(plan: Mapping[str, Any], page: PageRequest) -> tuple[dict[str, Any], Page[Any]]:
    """Return a plan with one page of its entries, and that page.

    Changes come first, then drift; each page has the summary and all outputs.

    Raises:
        ValidationError: the cursor was not made by this list.
    """
    entries = [(name, item) for name in LISTS for item in plan.get(name, ())]
    found = cut_numbered(entries, page, _fits())
    part: dict[str, Any] = {name: [] for name in LISTS}
    for name, item in found.items:
        part[name].append(item)
    totals = {name: len(plan.get(name, ())) for name in LISTS}
    return {**plan, **part, "totals": totals, "next_cursor": found.next_cursor}, found


def _fits() -> Any:
    room = MAX_PAGE_BYTES

    def fits(entry: tuple[str, Any]) -> bool:
        nonlocal room
        room -= len(exact_json.dumps(entry[1]))
        return room >= 0

    return fits
