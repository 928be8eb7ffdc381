"""Stacks: the list, and the page of one with its tabs."""

from __future__ import annotations

from flask import Blueprint, render_template

from app.console.list_requests import (
    chips_for,
    next_address,
    wanted_choice,
    wanted_page,
    wanted_text,
)
from app.console.read_models.resources import read_resources
from app.console.read_models.stack import (
    read_stack_drift,
    read_stack_operations,
    read_stack_overview,
)
from app.console.read_models.stack_list import read_stack_list
from app.domain.drift import DriftStatus
from app.domain.stacks import StackStatus
from app.services.inventory import StackFilter
from app.web_context import current_context, current_principal


def add_pages(pages: Blueprint) -> None:
    """Add the pages of stacks to ``pages``."""
    pages.add_url_rule("/stacks", view_func=list_stacks)
    pages.add_url_rule("/stacks/<stack_id>", view_func=show_stack)
    pages.add_url_rule("/stacks/<stack_id>/resources", view_func=show_stack_resources)
    pages.add_url_rule("/stacks/<stack_id>/operations", view_func=show_stack_operations)
    pages.add_url_rule("/stacks/<stack_id>/drift", view_func=show_stack_drift)


def list_stacks() -> str:
    """List stacks of all kinds, filtered and page by page."""
    filters = {
        "q": wanted_text("q"),
        "kind": wanted_text("kind"),
        "status": wanted_choice("status", list(StackStatus)),
        "drift": wanted_choice("drift", list(DriftStatus)),
        "cloud": wanted_text("cloud"),
        "region": wanted_text("region"),
        "project": wanted_text("project"),
    }
    page = read_stack_list(
        current_context(), current_principal(), StackFilter(**filters), wanted_page()
    )
    return render_template(
        "stacks/list.html",
        page=page,
        filters=filters,
        chips=chips_for("console.list_stacks", filters),
        next_page=next_address("console.list_stacks", page.next_cursor, filters),
    )


def show_stack(stack_id: str) -> str:
    """Show what a stack is: parameters, outputs, references, last operations."""
    page = read_stack_overview(current_context(), current_principal(), stack_id)
    return render_template("stacks/overview.html", page=page, tab="overview")


def show_stack_resources(stack_id: str) -> str:
    """Show what a stack consists of and what it stands on, as graphs and tables."""
    page = read_resources(current_context(), current_principal(), stack_id)
    return render_template("stacks/resources.html", page=page, tab="resources")


def show_stack_operations(stack_id: str) -> str:
    """Show all operations of a stack."""
    page = read_stack_operations(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/operations.html", page=page, tab="operations")


def show_stack_drift(stack_id: str) -> str:
    """Show the drift reports of a stack."""
    page = read_stack_drift(current_context(), current_principal(), stack_id, wanted_page())
    return render_template("stacks/drift.html", page=page, tab="drift")
