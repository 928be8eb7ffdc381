"""The state tab: versions, differences, the way back, download, upload; and the lock of a stack."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.models import AuditEvent, Operation, Stack, StackLock
from app.services.context import Context
from app.services.operation_queue import add_operation
from tests.api.states import state_bytes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made
from tests.landform import ADMIN

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def made(fleet: Fleet) -> Made:
    """A stack with three versions; the second brought a resource, the third changed one."""
    stack = fleet.stack("web")
    fleet.state(stack, state_bytes(1, {"a": "one"}))
    fleet.state(stack, state_bytes(2, {"a": "one", "b": SCRIPT}))
    fleet.state(stack, state_bytes(3, {"a": "two", "b": "x"}, sensitive={"b"}))
    return stack


@pytest.fixture
def path(made: Made) -> str:
    return f"/stacks/{made.stack_id}"


def newest(ctx: Context) -> Operation:
    with ctx.read() as session:
        query = select(Operation).order_by(Operation.id.desc()).limit(1)
        return session.scalars(query).unique().one()


def acts(ctx: Context) -> list[str]:
    with ctx.read() as session:
        return list(session.scalars(select(AuditEvent.action)))


def send_large(visitor: Visitor, path: str, data: bytes) -> TestResponse:
    """Send the form with a file; the test client would leave a large one to the collector."""
    cookie = visitor.client.get_cookie("landform_csrf")
    assert cookie is not None
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n'
    head = part.format("csrf_token") + cookie.value + "\r\n"
    file = part.format("state").replace('"state"', '"state"; filename="a.tfstate"')
    body = f"{head}{file}".encode() + data + b"\r\n--b--\r\n"
    return visitor.client.post(path, data=body, content_type="multipart/form-data; boundary=b")


def test_each_version_says_why_it_is_and_what_can_be_done_with_it(
    visitor: Visitor, path: str
) -> None:
    page = visitor.text(f"{path}/state")
    assert page.count("Present</span>") == 1
    assert page.count(">Apply<span") == 3
    assert f"{path}/state/1/rollback" in page
    assert f"{path}/state/3/rollback" not in page
    assert f"{path}/state/3/download" in page
    assert "Upload and plan" in page


def test_any_two_versions_are_compared_with_secrets_masked(visitor: Visitor, path: str) -> None:
    page = visitor.text(f"{path}/state/diff?serial=3&against=1")
    assert "From serial 1 to 3" in page
    assert "1 recorded, 1 changed, 0 no longer recorded" in page
    assert "<del>one</del>" in page
    back = visitor.text(f"{path}/state/diff?serial=1&against=3")
    assert "0 recorded, 1 changed, 1 no longer recorded" in back
    hidden = visitor.text(f"{path}/state/diff?serial=3&against=2")
    assert "(sensitive value)" in hidden
    assert SCRIPT not in visitor.text(f"{path}/state/diff?serial=2&against=1")
    assert "Nothing differs" in visitor.text(f"{path}/state/diff?serial=2&against=2")
    assert "the first that is kept" in visitor.text(f"{path}/state/diff?serial=1")


@pytest.mark.parametrize(
    ("query", "status"), [("serial=9", 404), ("serial=x", 422), ("against=-1", 422)]
)
def test_a_version_that_is_not_there_cannot_be_compared(
    visitor: Visitor, path: str, query: str, status: int
) -> None:
    assert visitor.get(f"{path}/state/diff?{query}").status_code == status


def test_a_stack_without_state_has_nothing_to_compare(visitor: Visitor, fleet: Fleet) -> None:
    stack = fleet.stack("bare")
    assert "No state yet" in visitor.text(f"/stacks/{stack.stack_id}/state")
    assert visitor.get(f"/stacks/{stack.stack_id}/state/diff").status_code == 404
    assert visitor.get(f"/stacks/{stack.stack_id}/state/1/rollback").status_code == 404


def test_the_way_back_says_what_is_forgotten_and_only_plans(
    visitor: Visitor, path: str, ctx: Context
) -> None:
    page = visitor.text(f"{path}/state/1/rollback")
    assert "1 resource would be forgotten" in page
    assert "Nothing moves yet." in page
    response = visitor.post(f"{path}/state/1/rollback")
    asked = newest(ctx)
    assert (response.status_code, response.location) == (303, f"/operations/{asked.id}")
    assert (asked.type, asked.options, asked.requires_approval) == ("rollback", {"serial": 1}, True)


def test_a_damaged_present_state_can_still_be_left(
    visitor: Visitor, made: Made, path: str, ctx: Context
) -> None:
    folder = ctx.settings.state_dir / "stacks" / made.stack_id / "versions"
    (present,) = folder.glob("3-*")
    present.chmod(0o600)
    present.write_bytes(b"")
    page = visitor.text(f"{path}/state/1/rollback")
    assert "The two versions cannot be compared" in page
    assert "Plan the rollback" in page


@pytest.mark.parametrize("serial", ["3", "9", "99999999999999999999"])
def test_nobody_goes_back_to_what_is_present_or_unknown(
    visitor: Visitor, path: str, serial: str
) -> None:
    assert visitor.post(f"{path}/state/{serial}/rollback").status_code in (404, 422)


def test_a_download_is_the_file_itself_and_is_audited(
    visitor: Visitor, path: str, ctx: Context
) -> None:
    response = visitor.get(f"{path}/state/1/download")
    assert response.data == state_bytes(1, {"a": "one"})
    assert response.headers["Content-Disposition"].startswith("attachment")
    assert response.headers["Cache-Control"] == "no-store"
    assert "state_version.download" in acts(ctx)


def test_a_state_made_elsewhere_is_taken_in_and_planned(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    path = f"/stacks/{fleet.stack('old').stack_id}/state"
    # The resource is larger than any other form may be.
    data = state_bytes(7, {"a": "x" * 2_000_000})
    response = send_large(visitor, path, data)
    assert (response.status_code, response.location) == (303, f"/operations/{newest(ctx).id}")
    assert newest(ctx).type == "plan"
    assert visitor.get(f"{path}/7/download").data == data


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", 422),
        (b"{}", 422),
        (b"\x00" * 100, 422),
        (state_bytes(2, {"c": "x"}), 409),
        (state_bytes(9, {}, lineage="another"), 409),
    ],
)
def test_what_does_not_follow_the_present_state_is_refused_on_the_same_page(
    visitor: Visitor, path: str, data: bytes, status: int
) -> None:
    response = visitor.post(f"{path}/state", {"state": (BytesIO(data), "<b>.json")})  # type: ignore[dict-item]
    assert response.status_code == status
    assert "The state was not taken in." in response.text
    assert "Versions" in response.text


def test_a_state_that_is_too_large_and_a_form_without_a_file_are_refused(
    visitor: Visitor, path: str
) -> None:
    assert visitor.post(f"{path}/state").status_code == 422
    assert send_large(visitor, f"{path}/state", b" " * (17 * 1024 * 1024)).status_code == 413


def test_an_operator_rolls_back_but_sees_no_file(
    stranger: Visitor, fleet: Fleet, path: str
) -> None:
    fleet.member("olga", "a long password", "operator")
    stranger.sign_in("olga", "a long password")
    page = stranger.text(f"{path}/state")
    assert "Roll back…" in page
    assert "needs the role admin" in page
    assert "Upload and plan" not in page
    assert "/download" not in page
    assert stranger.get(f"{path}/state/1/download").status_code == 403
    data = (BytesIO(state_bytes(9, {})), "a")
    assert stranger.post(f"{path}/state", {"state": data}).status_code == 403  # type: ignore[dict-item]


def test_a_lock_says_who_since_when_and_why_on_every_tab(
    visitor: Visitor, path: str, ctx: Context
) -> None:
    assert "Not locked" in visitor.text(f"{path}/lock")
    assert "Lock…" in visitor.text(path)
    response = visitor.post(f"{path}/lock", {"reason": f"moving {SCRIPT}"})
    assert (response.status_code, response.location) == (303, f"{path}/lock")
    for tab in ("", "/lock", "/state"):
        page = visitor.text(path + tab)
        assert "moving &lt;script&gt;" in page
        assert SCRIPT not in page
    assert "admin (you)" in visitor.text(f"{path}/lock")
    assert "stack.lock" in acts(ctx)


@pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
def test_a_lock_needs_a_reason(visitor: Visitor, path: str, ctx: Context, reason: str) -> None:
    response = visitor.post(f"{path}/lock", {"reason": reason})
    assert response.status_code == 422
    assert "Say why" in response.text
    with ctx.read() as session:
        assert session.scalar(select(StackLock)) is None


def test_only_the_lock_that_was_seen_is_taken_away(
    visitor: Visitor, made: Made, path: str, ctx: Context
) -> None:
    visitor.post(f"{path}/lock", {"reason": "mine"})
    for version in ("", "1", "x", "²", "9" * 30):
        assert visitor.post(f"{path}/unlock", {"version": version}).status_code == 412
    with ctx.read() as session:
        lock = session.get_one(StackLock, made.stack_id)
        version = str(int(lock.since.timestamp() * 1_000_000))
    assert f'name="version" value="{version}"' in visitor.text(f"{path}/lock")
    assert visitor.post(f"{path}/unlock", {"version": version}).status_code == 303
    assert "Not locked" in visitor.text(f"{path}/lock")
    assert "stack.unlock" in acts(ctx)


def test_the_lock_of_another_needs_the_role_admin(
    visitor: Visitor, stranger: Visitor, fleet: Fleet, path: str, ctx: Context
) -> None:
    fleet.member("olga", "a long password", "operator")
    stranger.sign_in("olga", "a long password")
    visitor.post(f"{path}/lock", {"reason": "mine"})
    page = stranger.text(f"{path}/lock")
    assert "Only admin or somebody with the role admin may unlock it." in page
    assert "<form method" not in page.split('id="lock-title"')[1]
    assert stranger.post(f"{path}/lock", {"reason": "no, mine"}).status_code == 409
    version = visitor.text(f"{path}/lock").split('name="version" value="')[1].split('"')[0]
    assert stranger.post(f"{path}/unlock", {"version": version}).status_code == 403
    visitor.post(f"{path}/unlock", {"version": version})
    stranger.post(f"{path}/lock", {"reason": "hers"})
    page = visitor.text(f"{path}/lock")
    assert "Take the lock of olga away" in page
    version = page.split('name="version" value="')[1].split('"')[0]
    assert visitor.post(f"{path}/unlock", {"version": version}).status_code == 303
    assert "stack.unlock_force" in acts(ctx)


@pytest.mark.parametrize("status", ["pending", "planning", "applied", "errored"])
def test_a_move_of_the_state_is_shown_like_every_operation(
    ctx: Context, visitor: Visitor, made: Made, path: str, status: str
) -> None:
    with ctx.write() as session:
        stack = session.get_one(Stack, made.stack_id)
        options = PlanOptions(state_backend="s3")
        moving = add_operation(session, stack, OperationType.MOVE_STATE, ADMIN, options)
        moving.status = status
    for page in (f"/operations/{moving.id}", f"{path}/operations", "/operations"):
        assert "Move state" in visitor.text(page)


def test_without_a_state_bucket_nothing_is_said_of_moving(visitor: Visitor, path: str) -> None:
    assert "Kept on" not in visitor.text(f"{path}/state")
    response = visitor.post(f"{path}/state/move", {"state_backend": "s3"})
    assert response.status_code == 422
    assert "state bucket" in response.text
