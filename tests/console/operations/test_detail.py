"""Operations: what their page says in every state, what a person decides, and the live stream."""

from __future__ import annotations

import html
import re
import threading
import time
from collections.abc import Iterator

import pytest
from flask import Flask

from app.console.shell.labels.operations import RESOLUTION
from app.limits.stream_places import StreamLimits, StreamPlaces
from app.services.context import Context
from app.services.lookup import operation_by_id
from app.services.operations import watch
from app.web import event_stream
from app.web.context import WATCH, context_of
from app.web.stream_places import EXTENSION
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import DONE, Fleet, attribute, change, updated
from tests.sandbox_cloud import Cloud, connect


def messages_of(text: str) -> list[tuple[str, str, str]]:
    """Return (event, id, data) of each message of a stream."""
    found = []
    for block in text.split("\n\n"):
        lines = [
            line.partition(": ")
            for line in block.split("\n")
            if line.startswith(("event", "id", "data"))
        ]
        if lines:
            data = "\n".join(value for name, _, value in lines if name == "data")
            values = {name: value for name, _, value in lines}
            found.append((values.get("event", ""), values.get("id", ""), data))
    return found


def test_the_plan_shows_losses_first_and_masks_what_is_masked(
    visitor: Visitor, fleet: Fleet
) -> None:
    operation = fleet.operation(fleet.stack().stack_id, status="planned")
    changes = [
        change("create", "sandbox_subnet.new", attribute("cidr", None, "10.0.9.0/24")),
        change(
            "update",
            "sandbox_gateway.this",
            attribute("token", "(sensitive value)", "(sensitive value)"),
        ),
        change(
            "replace",
            "sandbox_network.this",
            attribute("cidr", "10.0.0.0/16", "10.1.0.0/16", forces=True),
        ),
        change("delete", "sandbox_subnet.old", attribute("cidr", "10.0.8.0/24", None)),
    ]
    fleet.plan(operation, changes, add=1, change=1, destroy=1, replace=1)
    page = visitor.text(f"/operations/{operation}")
    addresses = [
        "sandbox_subnet.old",
        "sandbox_network.this",
        "sandbox_gateway.this",
        "sandbox_subnet.new",
    ]
    places = [page.index(f"<summary>{address}") for address in addresses]
    assert places == sorted(places)
    assert "forces replacement" in page
    assert "(sensitive value)" in page
    assert "Will destroy 1, replace 1, change 1, create 1 resources." in page


def test_a_check_that_the_provider_made_alone_has_one_step(visitor: Visitor, fleet: Fleet) -> None:
    stack = fleet.stack().stack_id
    by_provider, by_terraform = (
        fleet.operation(stack, type="drift_check", status="planned_and_finished") for _ in range(2)
    )
    fleet.steps(by_provider, "read")
    fleet.steps(by_terraform, "prepare", "init", "plan", "save")

    def steps(operation: str) -> list[str]:
        page = visitor.text(f"/operations/{operation}")
        return re.findall(r'<span class="step__name">(.*?)</span>', page)

    assert steps(by_provider) == ["Provider check"]
    assert steps(by_terraform) == ["Prepare", "Initialize", "Plan", "Save state"]


def test_a_running_apply_tells_its_progress_resource_by_resource(
    visitor: Visitor, fleet: Fleet
) -> None:
    operation = fleet.operation(fleet.stack().stack_id, status="applying", has_applied=True)
    fleet.plan(operation, [], add=2, replace=1)
    fleet.steps(operation, *DONE[:5], last="running")

    def event(type_: str, address: str, action: str) -> dict[str, object]:
        return {"message": address, "type": type_, "data": {"address": address, "action": action}}

    fleet.events(
        operation,
        [
            event("apply_start", "data.sandbox_zones.all", "read"),
            event("apply_complete", "data.sandbox_zones.all", "read"),
            event("apply_start", "sandbox_network.this", "delete"),
            event("apply_complete", "sandbox_network.this", "delete"),
            event("apply_start", "sandbox_network.this", "create"),
            event("apply_start", "sandbox_subnet.a", "create"),
            event("apply_errored", "sandbox_subnet.a", "create"),
        ],
    )
    page = visitor.text(f"/operations/{operation}")
    assert "1 of 4 resources" in page
    assert '<progress id="progress" max="4" value="1">' in page
    assert "1 failed" in page
    (at_work,) = re.findall(r'<ul class="at-work">(.*?)</ul>', page, re.S)
    assert "sandbox_network.this" in at_work
    assert "sandbox_subnet.a" not in at_work


def test_a_failure_says_its_cause_the_next_step_and_what_may_be_left(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack(status="failed")
    error = {"code": "terraform_failed", "title": "Terraform reported an error", "detail": "Quota."}
    fleet.change_operation(
        made.operation_id,
        status="errored",
        error={**error, "advice": "Raise the quota."},
        possibly_orphaned=[{"address": "sandbox_network.this", "id": "net-7", "reason": "cut off"}],
    )
    page = visitor.text(f"/operations/{made.operation_id}")
    for text in ("Quota.", "Raise the quota.", "Possibly orphaned", "net-7", "terraform_failed"):
        assert text in page
    assert "sse-connect" not in page


@pytest.mark.parametrize(
    ("choice", "follows"), [("retry", True), ("adopt", True), ("accept", False)]
)
def test_an_interrupted_operation_is_resolved_on_its_page(
    visitor: Visitor, fleet: Fleet, ctx: Context, cloud: Cloud, choice: str, follows: bool
) -> None:
    connect(ctx, cloud)  # which is asked whose the orphan is
    made = fleet.stack(status="needs_attention")
    orphan = {"address": "sandbox_network.this", "id": "net-7", "type": "sandbox_network"}
    fleet.change_operation(
        made.operation_id,
        status="interrupted",
        possibly_orphaned=[{**orphan, "reason": "cut off"}],
    )
    path = f"/operations/{made.operation_id}"
    page = visitor.text(path)
    assert "Resolve this operation" in page
    assert f"{path}/resolve/{choice}" in page
    response = visitor.post(f"{path}/resolve/{choice}")
    assert response.status_code == 303
    assert (response.location != path) is follows
    assert f"Resolved by admin: {RESOLUTION[choice]}." in visitor.text(path)
    assert visitor.post(f"{path}/resolve/{choice}").status_code == 409
    assert visitor.post(f"{path}/resolve/forget").status_code == 404


def test_a_queued_operation_says_what_it_waits_for(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    holder = fleet.operation(made.stack_id, status="applying")
    second = fleet.operation(made.stack_id, "plan")
    page = visitor.text(f"/operations/{second}")
    assert "An earlier apply of this stack is running." in page
    assert f'href="/operations/{holder}"' in page


@pytest.mark.parametrize(
    ("decision", "before", "after"),
    [
        ("approve", "planned", "planned"),
        ("discard", "planned", "discarded"),
        ("cancel", "pending", "canceled"),
        ("cancel", "planning", "canceling"),
    ],
)
def test_a_decision_is_carried_out_and_shown(
    visitor: Visitor, fleet: Fleet, decision: str, before: str, after: str
) -> None:
    operation = fleet.operation(fleet.stack().stack_id, status=before)
    response = visitor.post(f"/operations/{operation}/{decision}")
    assert (response.status_code, response.location) == (303, f"/operations/{operation}")
    page = visitor.text(f"/operations/{operation}")
    with fleet.ctx.read() as session:
        row = operation_by_id(session, fleet.principal, operation)
        assert row.status == after
        if decision == "approve":
            assert row.approved_by == "admin"
            assert "approved by admin" in page
    assert "Approve and apply" not in page


@pytest.mark.parametrize("decision", ["approve", "discard", "cancel"])
def test_a_decision_that_comes_too_late_is_refused_in_words(
    visitor: Visitor, fleet: Fleet, decision: str
) -> None:
    response = visitor.post(f"/operations/{fleet.stack().operation_id}/{decision}")
    assert response.status_code == 409
    assert "status does not allow this" in html.unescape(response.text)


def test_the_log_page_holds_the_end_and_the_download_holds_all(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack()
    fleet.events(made.operation_id, [{"message": f"line {n} <b>"} for n in range(1100)])
    page = visitor.text(f"/operations/{made.operation_id}")
    assert "900 earlier lines" in page
    assert "line 1099 &lt;b&gt;" in page
    assert "line 899 &lt;b&gt;" not in page
    response = visitor.get(f"/operations/{made.operation_id}/log.txt")
    assert response.content_type == "text/plain; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith("attachment")
    lines = response.text.splitlines()
    assert len(lines) == 1100
    assert lines[0].endswith("INFO  line 0 <b>")


def test_a_stream_of_an_ended_operation_tells_all_and_ends(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    ids = fleet.events(made.operation_id, [{"message": "first\nsecond"}, {"message": "<i>"}])
    response = visitor.get(f"/operations/{made.operation_id}/stream")
    assert response.mimetype == "text/event-stream"
    assert response.headers["Cache-Control"] == "no-store"
    found = messages_of(response.text)
    assert [name for name, _, _ in found] == [
        "log",
        "said",
        "head",
        "steps",
        "actions",
        "after",
        "ended",
    ]
    assert found[0][1] == str(ids[-1])
    assert "first\nsecond" in found[0][2]
    assert "&lt;i&gt;" in found[0][2]
    assert "<script" not in response.text


@pytest.mark.parametrize("by_header", [True, False])
def test_a_stream_goes_on_after_the_last_event_that_was_seen(
    visitor: Visitor, fleet: Fleet, by_header: bool
) -> None:
    made = fleet.stack()
    ids = fleet.events(made.operation_id, [{"message": f"line {n}"} for n in range(3)])
    path = f"/operations/{made.operation_id}/stream"
    if by_header:
        response = visitor.get(f"{path}?after=0", headers={"Last-Event-ID": str(ids[1])})
    else:
        response = visitor.get(f"{path}?after={ids[1]}")
    assert re.findall(r"line \d", response.text) == ["line 2"]


@pytest.mark.parametrize("given", ["-1", "x", "9" * 40, "²", "1 OR 1=1"])
def test_a_nonsensical_position_reads_from_the_start(
    visitor: Visitor, fleet: Fleet, given: str
) -> None:
    made = fleet.stack()
    fleet.events(made.operation_id, [{"message": "line 0"}])
    response = visitor.get(
        f"/operations/{made.operation_id}/stream",
        headers={"Last-Event-ID": given.encode().decode("latin-1")},
    )
    assert "line 0" in response.text


def test_a_stream_follows_what_happens_and_stays_quiet_when_nothing_does(
    console_app: Flask, visitor: Visitor, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    operation = fleet.operation(fleet.stack().stack_id, status="planning")
    live = console_app.extensions[WATCH]

    def happen() -> None:
        while operation not in live._watched or not live._watched[operation].readings:
            time.sleep(0.02)
        time.sleep(0.3)
        fleet.plan(operation, [change("create", "sandbox_network.this")], add=1)
        fleet.change_operation(operation, status="applying", has_applied=True)
        fleet.events(operation, [{"message": "Creating..."}])
        time.sleep(0.1)
        fleet.change_operation(operation, status="applied")

    other = threading.Thread(target=happen)
    other.start()
    text = visitor.get(f"/operations/{operation}/stream").text
    other.join()
    names = [name for name, _, _ in messages_of(text)]
    assert names[:4] == ["said", "head", "steps", "actions"]
    assert names.count("log") == 1
    assert names.count("plan") == 1
    assert names[-1] == "ended"
    assert len(names) < 20
    assert ": alive" in text
    assert names[-3:] == ["actions", "after", "ended"]


def test_a_stream_ends_after_its_time_so_that_no_thread_is_held_for_ever(
    visitor: Visitor, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "LIFE_SECONDS", 0.1)
    monkeypatch.setattr(event_stream, "HEARTBEAT_SECONDS", 0.05)
    operation = fleet.operation(fleet.stack().stack_id)
    text = visitor.get(f"/operations/{operation}/stream").text
    assert text.startswith("retry: 2000")
    assert "event: ended" not in text


def test_too_many_streams_are_refused_and_each_is_given_back(
    console_app: Flask, visitor: Visitor, fleet: Fleet
) -> None:
    console_app.extensions[EXTENSION] = StreamPlaces(
        StreamLimits(1, 1, 1, 1), context_of(console_app).shared
    )
    made = fleet.stack()
    path = f"/operations/{made.operation_id}/stream"
    held = visitor.get(path, buffered=False)
    assert visitor.get(path).status_code == 429
    held.close()
    assert visitor.get(path).status_code == 200


def test_a_stream_without_a_session_tells_the_browser_to_stay_away(
    outsider: Visitor, fleet: Fleet
) -> None:
    path = f"/operations/{fleet.stack().operation_id}/stream"
    response = outsider.get(path, headers={"Accept": "text/event-stream"})
    assert response.status_code == 204


@pytest.fixture(autouse=True)
def _no_stream_is_left_open(console_app: Flask) -> Iterator[None]:
    yield
    places: StreamPlaces = console_app.extensions[EXTENSION]
    assert places.taken() == 0


def test_an_ended_apply_leads_on_to_what_it_made(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    fleet.output(made.stack_id, "network_id", "net_123")
    fleet.output(made.stack_id, "password", "hunter2", is_sensitive=True)
    page = visitor.text(f"/operations/{made.operation_id}")
    panel = page.partition('id="after-title"')[2].partition("</section>")[0]
    assert f'href="/stacks/{made.stack_id}"' in panel
    assert 'data-copy="net_123"' in panel
    assert "hunter2" not in page
    form = re.search(r'href="(/stacks/new/machine-group[^"]+)"', panel)
    assert form
    assert '<option value="web" selected>' in visitor.text(html.unescape(form[1]))


def test_a_viewer_is_offered_nothing_to_build(viewer: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    page = viewer.text(f"/operations/{made.operation_id}")
    assert "Open web" in page
    assert "Build on it" not in page


def test_a_failure_is_said_once(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web", status="failed")
    error = {"code": "terraform_failed", "title": "Terraform failed", "advice": "Try again."}
    error["detail"] = "the quota of machines is reached"
    fleet.change_operation(made.operation_id, status="errored", error=error)
    page = words(visitor.text(f"/operations/{made.operation_id}"))
    assert page.count(error["detail"]) == 1
    assert "Open web" not in page


def test_the_tab_says_what_the_page_says_and_the_heading_is_silent(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web", status="creating")
    fleet.change_operation(made.operation_id, status="planned")
    page = visitor.text(f"/operations/{made.operation_id}")
    assert "<title>(1) Awaiting approval: Apply web · Landform</title>" in page
    assert "aria-live" not in page.partition("<h1")[0].rpartition("<div")[2]
    assert words(page.partition('id="said"')[2].partition("</p>")[0]).endswith("Awaiting approval")
    fleet.drift(made, "drifted", [updated("a_b.this", "size", 1, 2)])
    stack = visitor.text(f"/stacks/{made.stack_id}")
    assert "<title>(1) Awaiting approval, drifted: web · Landform</title>" in stack
