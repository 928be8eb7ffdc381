"""One's own account: sessions by device, and the password."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from app.models import UserSession
from app.services.context import Context
from tests.console.conftest import OTHER, PASSWORD, Visitor
from tests.console.test_pages import ATTACK


def test_sessions_are_listed_by_device_and_ended_one_by_one(
    viewer: Visitor, console_app: Flask, ctx: Context
) -> None:
    phone = Visitor(console_app.test_client())
    agent = "Mozilla/5.0 (Android 16; Mobile) Firefox/146.0 " + ATTACK
    phone.client.environ_base["HTTP_USER_AGENT"] = agent
    phone.sign_in("vera", OTHER)
    page = viewer.text("/settings")
    assert "Firefox on Android" in page
    assert ATTACK not in page
    with ctx.read() as session:
        rows = session.scalars(select(UserSession)).all()
        (other,) = [row.id for row in rows if "Firefox" in row.user_agent]
        (admins,) = [row.id for row in rows if row.user.name == "admin"]
    assert viewer.post(f"/settings/sessions/{other}/end").status_code == 303
    assert phone.get("/").status_code == 303
    assert viewer.post(f"/settings/sessions/{admins}/end").status_code == 404
    assert viewer.get("/").status_code == 200


def test_signing_out_everywhere_ends_all(viewer: Visitor, console_app: Flask) -> None:
    other = Visitor(console_app.test_client())
    other.sign_in("vera", OTHER)
    response = viewer.post("/settings/sessions/end")
    assert response.location == "/sign-in"
    assert viewer.get("/").status_code == 303
    assert other.get("/").status_code == 303


def test_ones_own_password_needs_the_present_one(viewer: Visitor, console_app: Flask) -> None:
    form = {
        "/current_password": OTHER,
        "/new_password": "an entirely new phrase",
        "/repeated": "an entirely new phrase",
    }
    wrong = viewer.post("/settings/password", {**form, "/current_password": PASSWORD})
    assert wrong.status_code == 422
    assert "Is not your password." in wrong.text
    unlike = viewer.post("/settings/password", {**form, "/repeated": "something else"})
    assert "The passwords do not match" in unlike.text
    assert "an entirely new phrase" not in unlike.text
    other = Visitor(console_app.test_client())
    other.sign_in("vera", OTHER)
    assert viewer.post("/settings/password", form).status_code == 303
    assert viewer.get("/").status_code == 200
    assert other.get("/").status_code == 303
