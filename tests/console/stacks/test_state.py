"""The state tab: versions, differences, the way back, download, upload."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.domain.operations import OperationType
from app.domain.plan_options import PlanOptions
from app.models import Operation, Stack
from app.services.context import Context
from app.services.queue.order import add_operation
from tests.api.states import state_bytes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made
from tests.console.stacks.conftest import SCRIPT, acts
from tests.landform import ADMIN
from tests.sandbox_cloud import Cloud, connect


def newest(ctx: Context) -> Operation:
    with ctx.read() as session:
        query = select(Operation).order_by(Operation.id.desc()).limit(1)
        return session.scalars(query).unique().one()


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
    assert page.count("Current</span>") == 1
    assert page.count(">Apply<span") == 3
    assert f"{path}/state/1/rollback" in page
    assert f"{path}/state/3/rollback" not in page
    assert f"{path}/state/3/download" in page
    assert "Upload and plan" in page


def test_any_two_versions_are_compared_with_secrets_masked(visitor: Visitor, path: str) -> None:
    page = visitor.text(f"{path}/state/diff?serial=3&against=1")
    assert "From serial 1 to 3" in page
    assert "1 added, 1 changed, 0 removed" in page
    assert "<del>one</del>" in page
    back = visitor.text(f"{path}/state/diff?serial=1&against=3")
    assert "0 added, 1 changed, 1 removed" in back
    hidden = visitor.text(f"{path}/state/diff?serial=3&against=2")
    assert "(sensitive value)" in hidden
    assert SCRIPT not in visitor.text(f"{path}/state/diff?serial=2&against=1")
    assert "No differences" in visitor.text(f"{path}/state/diff?serial=2&against=2")
    assert "the oldest version" in visitor.text(f"{path}/state/diff?serial=1")


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
    assert "1 resource would be removed from the state" in page
    assert "Nothing changes yet." in page
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
    assert "Plan rollback" in page


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
    visitor: Visitor, fleet: Fleet, ctx: Context, cloud: Cloud
) -> None:
    connect(ctx, cloud)
    path = f"/stacks/{fleet.stack('old').stack_id}/state"
    # The resource is larger than any other form may be.
    data = state_bytes(7, {"a": "x" * 2_000_000}, type_="sandbox_network")
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
        (state_bytes(2, {}), 409),
        (state_bytes(9, {}, lineage="another"), 409),
    ],
)
def test_what_does_not_follow_the_present_state_is_refused_on_the_same_page(
    visitor: Visitor, path: str, data: bytes, status: int
) -> None:
    response = visitor.post(f"{path}/state", {"state": (BytesIO(data), "<b>.json")})  # type: ignore[dict-item]
    assert response.status_code == status
    assert "The state was not uploaded." in response.text
    assert "Versions" in response.text


def test_a_state_that_names_what_is_foreign_is_refused_with_each_place(
    visitor: Visitor, fleet: Fleet, ctx: Context, cloud: Cloud
) -> None:
    connect(ctx, cloud)
    path = f"/stacks/{fleet.stack('old').stack_id}/state"
    evil = state_bytes(7, {"a": "x", "b": "y"}).replace(b"terraform.io/", b"localhost:1/")
    response = send_large(visitor, path, evil)
    assert response.status_code == 422
    assert "/resources/0/type: Is no managed resource type that network 1." in response.text
    assert "/resources/1/type" in response.text
    tags = {"landform:stack": "stk_other"}
    foreign = cloud.add("network", tags, name="n", region="eu-west", cidr="10.0.0.0/16")
    data = state_bytes(7, {"a": "x"}, type_="sandbox_network").replace(b"id-a", foreign.encode())
    response = send_large(visitor, path, data)
    assert response.status_code == 422
    assert "Belongs to another stack." in response.text
    connect(ctx, Cloud("http://127.0.0.1:1999/v1", "t"))
    response = send_large(visitor, path, data)
    assert response.status_code == 503
    assert "could not be asked" in response.text
    assert "state_version.upload" not in acts(ctx)


def test_a_state_that_is_too_large_and_a_form_without_a_file_are_refused(
    visitor: Visitor, path: str
) -> None:
    assert visitor.post(f"{path}/state").status_code == 422
    assert send_large(visitor, f"{path}/state", b" " * (17 * 1024 * 1024)).status_code == 413


def test_an_operator_rolls_back_but_sees_no_file(
    outsider: Visitor, fleet: Fleet, path: str
) -> None:
    fleet.member("olga", "a long password", "operator")
    outsider.sign_in("olga", "a long password")
    page = outsider.text(f"{path}/state")
    assert "Roll back…" in page
    assert "require the role Admin" in page
    assert "Upload and plan" not in page
    assert "/download" not in page
    assert outsider.get(f"{path}/state/1/download").status_code == 403
    data = (BytesIO(state_bytes(9, {})), "a")
    assert outsider.post(f"{path}/state", {"state": data}).status_code == 403  # type: ignore[dict-item]


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
