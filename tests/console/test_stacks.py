"""The list of stacks, the pages of one, and what one can have done to it."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from app.models import Operation
from app.services.context import Context
from tests.api.states import state_bytes
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet


def names_in(page: str) -> list[str]:
    return re.findall(r'<a class="strong" href="/stacks/stk_[^"]+">([^<]+)</a>', page)


def test_a_long_list_comes_in_pages_that_hold_each_stack_once(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = [f"net-{number:03}" for number in range(53)]
    for name in made:
        fleet.stack(name, labels={"a": "b"})
    first = visitor.text("/stacks?kind=network")
    (following,) = re.findall(r'href="([^"]+)" rel="next"', first)
    second = visitor.text(following.replace("&amp;", "&"))
    assert "kind=network" in following
    assert 'rel="next"' not in second
    assert sorted(names_in(first) + names_in(second)) == made
    assert names_in(first)[0] == "net-052"


def test_filters_narrow_the_list_and_show_as_chips(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    fleet.stack("assets", "bucket", status="failed")
    page = visitor.text("/stacks?kind=bucket&status=failed")
    assert names_in(page) == ["assets"]
    assert 'href="/stacks?status=failed" aria-label="Remove the filter kind bucket"' in page
    assert names_in(visitor.text("/stacks?q=we")) == ["web"]
    assert "No stack matches" in visitor.text("/stacks?q=nothing%25")


def test_the_page_of_a_stack_tells_both_ends_of_a_reference(visitor: Visitor, fleet: Fleet) -> None:
    network = fleet.stack("web")
    group = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    used = visitor.text(f"/stacks/{network.stack_id}")
    user = visitor.text(f"/stacks/{group.stack_id}")
    assert f'<a href="/stacks/{group.stack_id}">shop</a>' in used
    assert f'<a href="/stacks/{network.stack_id}">web</a>' in user
    assert "Uses no other stack." in used


def test_the_state_tab_lists_versions_newest_first(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    shas = [fleet.state_version(made, serial) for serial in (1, 2, 3)]
    page = visitor.text(f"/stacks/{made.stack_id}/state")
    places = [page.index(f'title="{sha}">{sha[:12]}<') for sha in shas]
    assert places == sorted(places, reverse=True)
    assert "4.2 KiB" in page


@pytest.mark.parametrize("wanted", ["plan", "apply", "drift_check"])
def test_an_action_queues_its_operation_and_leads_to_it(
    visitor: Visitor, fleet: Fleet, ctx: Context, wanted: str
) -> None:
    made = fleet.stack()
    response = visitor.post(f"/stacks/{made.stack_id}/operations", {"type": wanted})
    assert response.status_code == 303
    with ctx.read() as session:
        newest = session.scalars(select(Operation).order_by(Operation.id.desc())).first()
        assert newest is not None
        assert (newest.type, newest.status, newest.requested_by) == (wanted, "pending", "admin")
        assert response.location == f"/operations/{newest.id}"
    page = visitor.text(f"/stacks/{made.stack_id}")
    assert 'hx-trigger="every 3s, ' in page
    assert f'href="/operations/{newest.id}"' in page


@pytest.mark.parametrize("wanted", ["destroy", "rollback", "", "<b>"])
def test_an_action_that_the_buttons_do_not_offer_is_refused(
    visitor: Visitor, fleet: Fleet, wanted: str
) -> None:
    made = fleet.stack()
    response = visitor.post(f"/stacks/{made.stack_id}/operations", {"type": wanted})
    assert response.status_code == 422


@pytest.mark.parametrize("typed", ["", "WEB", "web ", "we", "<script>"])
def test_destroying_asks_for_the_exact_name(
    visitor: Visitor, fleet: Fleet, ctx: Context, typed: str
) -> None:
    made = fleet.stack("web")
    response = visitor.post(f"/stacks/{made.stack_id}/destroy", {"name": typed})
    assert response.status_code == 422
    assert "Type web exactly as it is written here." in response.text
    with ctx.read() as session:
        assert session.scalar(select(Operation).where(Operation.type == "destroy")) is None


def test_destroying_with_the_name_queues_a_destroy(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    assert "The recorded state holds no resource." in visitor.text(
        f"/stacks/{made.stack_id}/destroy"
    )
    response = visitor.post(f"/stacks/{made.stack_id}/destroy", {"name": "web"})
    assert response.status_code == 303
    assert "Destroy web" in visitor.text(response.location)


def test_what_uses_a_stack_goes_before_it_and_is_shown_and_counted(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    made = fleet.stack("web")
    user = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    fleet.state(made, state_bytes(1, {"a": "x", "b": "y"}))
    fleet.state(user, state_bytes(1, {"a": "x"}))
    page = visitor.text(f"/stacks/{made.stack_id}/destroy")
    assert "1 machine group, 1 network" in page
    assert page.index(">shop</a>") < page.rindex(">web</a>")
    assert (
        '<code>terraform_data</code></td><td data-label="How many" class="number strong">3<' in page
    )
    path = f"/stacks/{made.stack_id}/destroy"
    response = visitor.post(path, {"name": "web"})
    assert response.status_code == 409, "a form without the users asks for the stack alone"
    assert "Other stacks depend on this one" in response.text
    assert visitor.post(path, {"name": "web", "cascade": "on"}).status_code == 303
    with ctx.read() as session:
        rows = session.scalars(select(Operation).where(Operation.type == "destroy")).unique()
        assert [row.stack.name for row in rows] == ["shop", "web"]


def test_one_protected_stack_keeps_all_that_would_go(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack("web")
    user = fleet.stack("shop", "machine-group", parameters={"network": "web"})
    fleet.change_stack(user.stack_id, deletion_protection=True)
    page = visitor.text(f"/stacks/{made.stack_id}/destroy")
    assert "Protected from deletion" in page
    assert f"/stacks/{user.stack_id}/settings" in page
    assert 'name="name"' not in page
    form = {"name": "web", "cascade": "on"}
    assert visitor.post(f"/stacks/{made.stack_id}/destroy", form).status_code == 409


def test_a_viewer_reads_everything_and_changes_nothing(stranger: Visitor, fleet: Fleet) -> None:
    fleet.member("vera", "a long password", "viewer")
    made = fleet.stack("web")
    waiting = fleet.operation(made.stack_id, status="planned")
    stranger.sign_in("vera", "a long password")
    page = stranger.text(f"/stacks/{made.stack_id}")
    assert "Destroy…" not in page
    assert "New stack" not in stranger.text("/stacks")
    assert "Approve and apply" not in stranger.text(f"/operations/{waiting}")
    for path, form in (
        (f"/stacks/{made.stack_id}/operations", {"type": "apply"}),
        (f"/stacks/{made.stack_id}/destroy", {"name": "web"}),
        (f"/operations/{waiting}/approve", {}),
        (f"/operations/{waiting}/discard", {}),
        (f"/operations/{waiting}/cancel", {}),
        ("/stacks/new/network", {"intent": "create", "/name": "x"}),
    ):
        assert stranger.post(path, form).status_code == 403, path


def test_who_is_in_no_project_sees_nothing_of_it(stranger: Visitor, fleet: Fleet) -> None:
    fleet.member("otto", "a long password", None)
    made = fleet.stack("web")
    stranger.sign_in("otto", "a long password")
    assert stranger.get(f"/stacks/{made.stack_id}").status_code == 404
    assert stranger.get(f"/operations/{made.operation_id}").status_code == 404
    assert stranger.get(f"/operations/{made.operation_id}/stream").status_code == 404
    for path in ("/", "/stacks", "/operations", "/drift"):
        assert made.stack_id not in stranger.text(path)


@pytest.mark.parametrize(
    ("stack_status", "status", "words"),
    [
        ("failed", "errored", "Why, and what to do"),
        ("needs_attention", "interrupted", "Decide what happens now"),
    ],
)
def test_a_stack_in_trouble_leads_to_the_operation_that_left_it_there(
    visitor: Visitor, fleet: Fleet, stack_status: str, status: str, words: str
) -> None:
    made = fleet.stack("web", status=stack_status, status_reason="It ended badly.")
    fleet.change_operation(made.operation_id, status=status)
    fleet.operation(made.stack_id, "drift_check", status="planned_and_finished")
    page = visitor.text(f"/stacks/{made.stack_id}")
    assert re.search(rf'href="/operations/{made.operation_id}">{words}</a>', page)
    fleet.change_operation(made.operation_id, resolution={"by": "ann", "action": "accept"})
    assert words not in visitor.text(f"/stacks/{made.stack_id}")


def test_who_may_make_nothing_is_not_led_to_forms_that_refuse(
    stranger: Visitor, fleet: Fleet
) -> None:
    fleet.member("vera", "a long password", "viewer")
    stranger.sign_in("vera", "a long password")
    for path in ("/", "/stacks", "/operations"):
        assert 'href="/stacks/new"' not in stranger.text(path)
    kinds = stranger.text("/stacks/new")
    assert "needs the role operator" in kinds
    assert 'href="/stacks/new/' not in kinds
    assert stranger.get("/stacks/new/bucket").status_code == 403
