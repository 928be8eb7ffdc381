"""The live page of an operation: a stream of messages that carry rendered HTML."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flask import render_template, request
from werkzeug.wrappers import Response

from app.console.operations.read_detail import OperationDetails, view_of
from app.console.operations.read_plan import read_plan
from app.console.shell.guard import csrf_token
from app.console.shell.pages import pages
from app.models import OperationEvent
from app.services.access import Principal
from app.services.identity.stream_rights import Viewer
from app.services.lookup import operation_by_id
from app.services.operations.watch import Watched
from app.web.context import current_context, current_principal
from app.web.event_stream import message, read_event_id, respond

GATHER_SECONDS = 0.5  # Terraform writes many lines a second, and each look renders the page
LIVE_PARTS = ("said", "head", "steps", "actions", "after")
TOLD_ONCE = ("said", "after")
"""Parts that are sent only when they change: a screen reader reads them out."""


@dataclass(frozen=True)
class Shown:
    """What a page shows of an operation; each session has its token where ``token_place`` is."""

    view: OperationDetails
    parts: Mapping[str, str]
    plan: str | None
    token_place: str


@dataclass
class PageFollower:
    """Writes the messages of one open page; it knows what the page shows."""

    principal: Principal
    token: str
    after: int
    has_plan: bool
    view: OperationDetails | None = None
    told: dict[str, str] = field(default_factory=dict)
    has_ended: bool = False

    def look(self, watched: Watched) -> Iterator[str]:
        """Yield what is new since the last look; in a request only.

        Raises:
            NotFoundError: the operation is gone, or the caller cannot see it any more.
        """
        sight = (self.principal.is_admin, *sorted(self.principal.roles.items()))
        reading = watched.read(sight, lambda: _show(watched, self.principal))
        for part in watched.write_events(reading, self.after, _write_log):
            self.after = part.last
            yield message("log", part.text, part.last)
        shown = reading.shown
        if shown.plan is not None and not self.has_plan:
            self.has_plan = True
            yield message("plan", shown.plan.replace(shown.token_place, self.token))
        if shown.view != self.view:
            self.view = shown.view
            for name, text in shown.parts.items():
                if name in TOLD_ONCE and text.strip() == self.told.get(name, ""):
                    continue
                self.told[name] = text.strip()
                yield message(name, text.replace(shown.token_place, self.token))
        if shown.view.has_ended:
            yield message("ended", "")
            self.has_ended = True


@pages.get("/operations/<operation_id>/stream")
def stream_operation(operation_id: str) -> Response:
    """Follow an operation from the event after ``Last-Event-ID`` on.

    The page's own ``after`` counts at its first visit.
    """
    principal = current_principal()
    with current_context().read() as session:
        project_id = operation_by_id(session, principal, operation_id).stack.project_id
    after = read_event_id(request.headers.get("Last-Event-ID") or request.args.get("after", "0"))
    follower = PageFollower(principal, csrf_token(), after or 0, "plan" in request.args)
    return respond(
        operation_id,
        Viewer(principal, project_id),
        follower,
        gather_seconds=GATHER_SECONDS,
        in_request=True,
    )


def _show(watched: Watched, principal: Principal) -> Shown:
    ctx, place = watched.ctx, secrets.token_urlsafe()  # nobody can write it into a text
    with ctx.read() as session:
        operation = operation_by_id(session, principal, watched.operation_id)
        view = view_of(ctx, session, principal, operation)
        plan = None
        if view.summary is not None:
            found = read_plan(ctx, session, principal, operation)
            plan = _render("plan", place, plan=found) if found is not None else None
    parts = {part: _render(part, place, operation=view) for part in LIVE_PARTS}
    return Shown(view, parts, plan, place)


def _render(part: str, token_place: str, **shown: object) -> str:
    return render_template(f"operations/_{part}.html", csrf_token=token_place, **shown)


def _write_log(events: Sequence[OperationEvent]) -> str:
    return render_template("operations/_log_lines.html", lines=events)
