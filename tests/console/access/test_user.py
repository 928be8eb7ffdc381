"""One user: disabled, made administrator, given a new password, deleted."""

from __future__ import annotations

from flask import Flask

from app.services.context import Context
from tests.console.conftest import Visitor
from tests.console.people import id_of
from tests.console.test_pages import ATTACK


def test_a_user_is_disabled_enabled_and_made_administrator(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}"
    assert viewer.get("/").status_code == 200
    assert visitor.post(page, {"change": "disable"}).status_code == 303
    assert viewer.get("/").status_code == 303
    assert "Disabled" in visitor.text(page)
    visitor.post(page, {"change": "enable"})
    visitor.post(page, {"change": "make_admin"})
    assert "Remove administrator" in visitor.text(page)
    assert visitor.post(page, {"change": "crown"}).status_code == 422


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}"
    assert visitor.post(page, {"change": "make_admin", "version": "1"}).status_code == 303
    response = visitor.post(page, {"change": "disable", "version": "1"})
    assert response.status_code == 412
    assert "at version 2, not 1" in response.text


def test_the_last_administrator_stays_one(visitor: Visitor, ctx: Context) -> None:
    page = f"/settings/users/{id_of(ctx, 'admin')}"
    response = visitor.post(page, {"change": "unmake_admin"})
    assert response.status_code == 409
    assert "Nobody would be left to administer" in response.text


def test_a_password_is_reset_and_ends_the_sessions(
    visitor: Visitor, viewer: Visitor, console_app: Flask, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}/password"
    assert visitor.post(page, {"/password": "vera"}).status_code == 422
    assert visitor.post(page, {"/password": "an entirely new phrase"}).status_code == 303
    assert viewer.get("/").status_code == 303
    again = Visitor(console_app.test_client())
    assert again.sign_in("vera", "an entirely new phrase").status_code == 303


def test_deleting_a_user_says_what_goes_and_wants_the_name(
    visitor: Visitor, viewer: Visitor, ctx: Context
) -> None:
    page = f"/settings/users/{id_of(ctx, 'vera')}/delete"
    assert "viewer of default" in visitor.text(page)
    response = visitor.post(page, {"name": ATTACK})
    assert response.status_code == 422
    assert "Type vera exactly" in response.text
    assert ATTACK not in response.text
    assert viewer.get("/").status_code == 200
    assert visitor.post(page, {"name": "vera"}).status_code == 303
    assert viewer.get("/").status_code == 303
    assert visitor.get(page).status_code == 404
