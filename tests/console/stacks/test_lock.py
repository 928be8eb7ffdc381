"""The lock of a stack: who, since when and why; taking it away."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.models import StackLock
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet, Made
from tests.console.stacks.conftest import SCRIPT, acts


def test_a_lock_says_who_since_when_and_why_on_every_tab(
    visitor: Visitor, path: str, ctx: Context
) -> None:
    assert "Not locked" in visitor.text(f"{path}/lock")
    assert "Lock…" in visitor.text(path)
    response = visitor.post(f"{path}/lock", {"reason": f"moving {SCRIPT}"})
    assert (response.status_code, response.location) == (303, f"{path}/lock?done=locked")
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
    assert "Enter a reason" in response.text
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
    visitor: Visitor, outsider: Visitor, fleet: Fleet, path: str, ctx: Context
) -> None:
    fleet.member("olga", "a long password", "operator")
    outsider.sign_in("olga", "a long password")
    visitor.post(f"{path}/lock", {"reason": "mine"})
    page = outsider.text(f"{path}/lock")
    assert "Only admin or a user with the role Admin can unlock it." in page
    assert "<form method" not in page.split('id="lock-title"')[1].split("</main>")[0]
    assert outsider.post(f"{path}/lock", {"reason": "no, mine"}).status_code == 409
    version = visitor.text(f"{path}/lock").split('name="version" value="')[1].split('"')[0]
    assert outsider.post(f"{path}/unlock", {"version": version}).status_code == 403
    visitor.post(f"{path}/unlock", {"version": version})
    outsider.post(f"{path}/lock", {"reason": "hers"})
    page = visitor.text(f"{path}/lock")
    assert "Force unlock" in page
    version = page.split('name="version" value="')[1].split('"')[0]
    assert visitor.post(f"{path}/unlock", {"version": version}).status_code == 303
    assert "stack.unlock_force" in acts(ctx)
