"""How much waits for a decision of the visitor: beside *Inbox* on every page, and in its tab."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, g

from app.services.operations.decisions import count_decisions
from app.web.context import current_context, current_principal

MAX_SHOWN = 99


def provide(pages: Blueprint) -> None:
    """Let the templates of ``pages`` ask for the number."""
    pages.context_processor(_functions)


def inbox_count() -> int:
    """Count what waits for the visitor, once a request."""
    if "inbox_count" not in g:
        with current_context().read() as session:
            g.inbox_count = count_decisions(session, current_principal())
    count: int = g.inbox_count
    return count


def written_count() -> str:
    """Write the number for a small place: nothing for none, ``99+`` for many."""
    count = inbox_count()
    return f"{MAX_SHOWN}+" if count > MAX_SHOWN else str(count or "")


def _functions() -> dict[str, Any]:
    return {"inbox_count": written_count}
