"""The panel of the state tab that says where the state is kept, and moves it."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from app.config.settings import Settings
from app.models import Operation, Stack
from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet


@pytest.fixture
def console_settings(console_settings: Settings) -> Settings:
    """The settings of a Landform that has a state bucket; nothing asks it for anything here."""
    bucket = {"state_s3_bucket": "acme-states", "state_s3_region": "eu-west-1"}
    return console_settings.model_copy(update=bucket)


@pytest.fixture
def path(fleet: Fleet) -> str:
    return f"/stacks/{fleet.stack('web').stack_id}/state"


def moves(ctx: Context) -> list[Operation]:
    with ctx.read() as session:
        return list(session.scalars(select(Operation).where(Operation.type == "move_state")))


def test_a_state_is_moved_from_where_it_is_to_the_other_place(
    visitor: Visitor, path: str, ctx: Context
) -> None:
    page = visitor.text(path)
    assert "Stored on the volume" in page
    assert "Move to the bucket acme-states" in page
    response = visitor.post(f"{path}/move", {"state_backend": "s3"})
    (move,) = moves(ctx)
    assert (response.status_code, response.location) == (303, f"/operations/{move.id}")
    assert move.options["state_backend"] == "s3"
    with ctx.write() as session:
        session.get_one(Stack, move.stack_id).state_backend = "s3"
    page = visitor.text(path)
    assert "Stored in the bucket acme-states" in page
    assert "Move to the volume" in page


@pytest.mark.parametrize("place", ["", "floppy", "s3 ", "S3", "<script>", "s3\x00"])
def test_what_is_no_place_is_refused(visitor: Visitor, path: str, ctx: Context, place: str) -> None:
    response = visitor.post(f"{path}/move", {"state_backend": place})
    assert response.status_code == 422
    assert "<script>alert" not in response.text
    assert moves(ctx) == []


def test_an_operator_sees_the_place_and_moves_nothing(
    outsider: Visitor, fleet: Fleet, path: str, ctx: Context
) -> None:
    fleet.member("olga", "a long password", "operator")
    outsider.sign_in("olga", "a long password")
    page = outsider.text(path)
    assert "Stored on the volume" in page
    assert "Move to the bucket" not in page
    assert outsider.post(f"{path}/move", {"state_backend": "s3"}).status_code == 403
    assert moves(ctx) == []
