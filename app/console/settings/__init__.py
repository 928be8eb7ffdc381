"""Settings: people, what lets them and machines in, and the rules that hold for everybody.

Owns the list of these pages. What a person may not do is left out of a page and refused by the
service.
"""

from __future__ import annotations

from flask import Blueprint

from app.console.settings import (
    account,
    change_control,
    check_windows,
    drift_rules,
    members,
    projects,
    tokens,
    users,
    webhooks,
)


def add_pages(pages: Blueprint) -> None:
    """Add all pages of the settings to ``pages``."""
    for module in (
        account,
        tokens,
        projects,
        members,
        users,
        webhooks,
        drift_rules,
        change_control,
        check_windows,
    ):
        module.add_pages(pages)
