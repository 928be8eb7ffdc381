"""What the search shows: groups of links, the most telling first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import url_for

from app.console.shell.rows import kind_title
from app.domain.operation_registry import facts_of
from app.domain.permissions import Right, ServiceRight
from app.services.access import Principal
from app.services.context import Context
from app.services.operations.search import search

PAGES = (
    ("Overview", "/"),
    ("Inbox", "/inbox"),
    ("Stacks", "/stacks"),
    ("Operations", "/operations"),
    ("Drift", "/drift"),
    ("Drift by cause", "/drift?group=cause"),
    ("Orphans", "/orphans"),
    ("Catalog", "/catalogue"),
    ("Cloud accounts", "/cloud-accounts"),
    ("Workers", "/workers"),
    ("Settings", "/settings"),
    ("API tokens", "/settings/tokens"),
    ("Projects", "/settings/projects"),
    ("Ignore rules", "/settings/drift-rules"),
    ("Maintenance", "/settings/maintenance"),
    ("Help", "/help"),
)
MAX_PAGES = 8


@dataclass(frozen=True)
class SearchLink:
    """One thing that was found, and where it is."""

    title: str
    note: str
    href: str


@dataclass(frozen=True)
class SearchGroup:
    """Things of one kind."""

    title: str
    links: list[SearchLink]


def read_search(ctx: Context, principal: Principal, text: str) -> list[SearchGroup]:
    """Search for ``text`` with the caller's eyes; groups without anything are left out."""
    groups = _things(ctx, principal, text) if text else []
    groups.append(SearchGroup("Actions", [*_fitting(_actions(ctx, principal), text)]))
    groups.append(SearchGroup("Pages", [*_fitting(_pages(principal), text)]))
    return [group for group in groups if group.links]


def _things(ctx: Context, principal: Principal, text: str) -> list[SearchGroup]:
    with ctx.read() as session:
        found = search(session, ctx.catalog, principal, text)
        stacks = [
            SearchLink(
                row.name,
                f"{kind_title(ctx.catalog, row.kind)} in {row.project.name}",
                url_for("console.show_stack", stack_id=row.id),
            )
            for row in found.stacks
        ]
        resources = [
            SearchLink(
                item.stack.name,
                item.where,
                url_for("console.show_stack_resources", stack_id=item.stack.id),
            )
            for item in found.resources
        ]
        operations = [
            SearchLink(
                f"{facts_of(row.type).label} {row.stack.name}",
                row.id,
                url_for("console.show_operation", operation_id=row.id),
            )
            for row in found.operations
        ]
        people = [
            SearchLink(name, "user", url_for("console.show_user", user_id=name))
            for name in found.people
        ]
    return [
        SearchGroup("Stacks", stacks),
        SearchGroup("Resources", resources),
        SearchGroup("Operations", operations),
        SearchGroup("Users", people),
    ]


def _pages(principal: Principal) -> Iterable[SearchLink]:
    yield from (SearchLink(title, "", href) for title, href in PAGES)
    if principal.has_anywhere(Right.AUDIT_READ):
        yield SearchLink("Audit", "", "/audit")
    if principal.may(ServiceRight.USER_MANAGE):
        yield SearchLink("Users", "", "/settings/users")


def _actions(ctx: Context, principal: Principal) -> Iterable[SearchLink]:
    if principal.has_anywhere(Right.STACK_WRITE):
        for kind in ctx.catalog.kinds.values():
            href = url_for("console.show_form", kind=kind.kind)
            yield SearchLink(f"New {kind.title.lower()}", "", href)


def _fitting(links: Iterable[SearchLink], text: str) -> list[SearchLink]:
    words = text.casefold().split()
    return [link for link in links if all(word in link.title.casefold() for word in words)][
        :MAX_PAGES
    ]
