"""Cloud accounts in the console: made, checked, changed, deleted; credentials are never shown."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from app.models import CloudAccount
from app.services.context import Context
from app.services.secrets import open_credentials
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet
from tests.console.test_pages import ATTACK

OTHER = "another fine long phrase"
FORM = {
    "/name": "practice",
    "/regions": "eu-west",
    "/default_region": "eu-west",
    "/credentials/endpoint": "http://127.0.0.1:1999/v1",
    "/credentials/token": "hunter2-token",
}


def account(ctx: Context, name: str = "practice") -> CloudAccount:
    with ctx.read() as session:
        return session.scalars(select(CloudAccount).where(CloudAccount.name == name)).one()


def test_an_account_is_made_and_its_credentials_are_shown_nowhere(
    visitor: Visitor, ctx: Context
) -> None:
    assert "Choose" in visitor.text("/cloud-accounts/new")
    made = visitor.post("/cloud-accounts/new/sandbox", FORM)
    assert made.status_code == 303
    assert open_credentials(ctx.keys, account(ctx))["token"] == "hunter2-token"
    one = f"/cloud-accounts/{account(ctx).id}"
    for page in ("/cloud-accounts", one, f"{one}/edit", f"{one}/credentials", f"{one}/delete"):
        assert "hunter2" not in visitor.text(page)
    assert "Not checked" in visitor.text(one)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"/name": ATTACK}, "A name has"),
        ({"/name": "sandbox"}, "already"),
        ({"/regions": "the-moon"}, "offers:"),
        ({"/default_region": "the-moon"}, "Is none of"),
        ({"/credentials/token": ""}, "Nothing"),
    ],
)
def test_a_refused_account_comes_back_without_its_secret(
    visitor: Visitor, ctx: Context, change: dict[str, str], said: str
) -> None:
    response = visitor.post("/cloud-accounts/new/sandbox", {**FORM, **change})
    assert response.status_code in (409, 422)
    assert "The account was not created." in response.text
    assert said in response.text or said == "Nothing"
    assert "hunter2" not in response.text
    assert ATTACK not in response.text
    with ctx.read() as session:
        names = session.scalars(select(CloudAccount.name)).all()
    assert names == ["sandbox"]


def test_a_check_says_what_the_cloud_answered(visitor: Visitor, ctx: Context) -> None:
    visitor.post("/cloud-accounts/new/sandbox", FORM)
    one = f"/cloud-accounts/{account(ctx).id}"
    assert visitor.post(f"{one}/check").status_code == 303
    assert "Invalid" in visitor.text(one)
    with ctx.write() as session:
        session.get_one(CloudAccount, account(ctx).id).check_detail = ATTACK
    assert ATTACK not in visitor.text(one)


def test_name_regions_and_credentials_are_changed(visitor: Visitor, ctx: Context) -> None:
    visitor.post("/cloud-accounts/new/sandbox", FORM)
    one = f"/cloud-accounts/{account(ctx).id}"
    change = {"/name": "exercise", "/regions": "", "/default_region": "", "version": "1"}
    assert visitor.post(f"{one}/edit", change).status_code == 303
    assert visitor.post(f"{one}/edit", change).status_code == 412
    row = account(ctx, "exercise")
    assert (row.regions, row.default_region) == ([], None)
    secret = {"/credentials/endpoint": "http://127.0.0.1:1999/v1", "/credentials/token": "other"}
    assert visitor.post(f"{one}/credentials", {"/credentials/token": "x"}).status_code == 422
    assert visitor.post(f"{one}/credentials", secret).status_code == 303
    assert open_credentials(ctx.keys, account(ctx, "exercise"))["token"] == "other"


def test_an_account_in_use_stays_and_one_that_is_not_goes(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.stack("web")
    assert "1 stack exists on it" in visitor.text("/cloud-accounts/sandbox/delete")
    used = visitor.post("/cloud-accounts/sandbox/delete", {"name": "sandbox"})
    assert used.status_code == 409
    visitor.post("/cloud-accounts/new/sandbox", FORM)
    one = f"/cloud-accounts/{account(ctx).id}"
    assert visitor.post(f"{one}/delete", {"name": "no"}).status_code == 422
    assert visitor.post(f"{one}/delete", {"name": "practice"}).status_code == 303
    assert visitor.get(one).status_code == 404


def test_the_projects_of_an_account_are_chosen_and_shown(
    visitor: Visitor, ctx: Context, console_app: Flask, fleet: Fleet
) -> None:
    fleet.member("vera", OTHER, "viewer")
    vera = Visitor(console_app.test_client())
    vera.sign_in("vera", OTHER)
    visitor.post("/cloud-accounts/new/sandbox", FORM)
    one = f"/cloud-accounts/{account(ctx).id}"
    assert '<span class="muted">none</span>' in visitor.text(one)
    assert vera.get(one).status_code == 404
    assert "practice" not in vera.text("/cloud-accounts")
    place = {"/name": "practice", "/regions": "", "/default_region": ""}
    change = {**place, "/projects": "default", "version": "1"}
    assert visitor.post(f"{one}/edit", change).status_code == 303
    assert '<span class="tag">default</span>' in vera.text(one)
    assert 'value="default" checked' in visitor.text(f"{one}/edit")
    assert visitor.post(f"{one}/edit", {**change, "/projects": "gone"}).status_code in (412, 422)
    every = {**place, "/projects": "*", "version": "2"}
    assert visitor.post(f"{one}/edit", every).status_code == 303
    assert "all projects" in visitor.text(one)


def test_a_new_stack_is_offered_the_accounts_of_its_project_only(
    visitor: Visitor, ctx: Context
) -> None:
    visitor.post("/cloud-accounts/new/sandbox", FORM)
    assert "practice" not in visitor.text("/stacks/new/network")
    visitor.post("/cloud-accounts/new/sandbox", {**FORM, "/name": "ours", "/projects": "default"})
    page = visitor.text("/stacks/new/network")
    assert ("ours" in page, "practice" in page) == (True, False)


def test_others_see_accounts_and_change_none(console_app: Flask, fleet: Fleet) -> None:
    fleet.member("vera", OTHER, "admin")
    vera = Visitor(console_app.test_client())
    vera.sign_in("vera", OTHER)
    page = vera.text("/cloud-accounts/sandbox")
    assert "Check credentials" not in page
    assert "Delete…" not in page
    assert "New account" not in vera.text("/cloud-accounts")
    for path in ("new/sandbox", "sandbox/edit", "sandbox/credentials", "sandbox/check"):
        assert vera.post(f"/cloud-accounts/{path}", FORM).status_code == 403, path
