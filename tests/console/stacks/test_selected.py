"""One act on many stacks: shown first, then each by itself; and all their plans together."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.models import Operation, Stack, StackLock
from app.services.context import Context
from app.services.stacks.locks import lock_stack
from app.services.work import perform
from tests.console.conftest import Visitor, words
from tests.console.fleet_examples import Fleet, Made, change


@pytest.fixture
def two(fleet: Fleet) -> tuple[Made, Made]:
    return fleet.stack("one"), fleet.stack("two")


def ids(*made: Made) -> str:
    return "&".join(f"stack={item.stack_id}" for item in made)


def send(visitor: Visitor, act: str, *made: Made, **more: str) -> TestResponse:
    token = visitor.client.get_cookie("landform_csrf")
    assert token is not None
    form = {"csrf_token": token.value, "act": act, "stack": [item.stack_id for item in made]}
    return visitor.client.post("/stacks/selected", data={**form, **more})


def test_an_act_is_shown_for_each_stack_before_it_happens(
    visitor: Visitor, fleet: Fleet, two: tuple[Made, Made], ctx: Context
) -> None:
    gone = fleet.stack("gone", status="deleting")
    page = visitor.text(f"/stacks/selected?act=apply&{ids(*two, gone)}")
    assert "Apply 2 stacks" in words(page)
    assert "Left out: The stack is deleted or being deleted." in words(page)
    form = page.partition('action="/stacks/selected"')[2]
    assert set(re.findall(r'name="stack" value="([^"]+)"', form)) == {m.stack_id for m in two}
    with ctx.read() as session:
        assert len(session.scalars(select(Operation.id)).all()) == 3


def test_operations_that_were_started_together_stand_on_one_page(
    visitor: Visitor, fleet: Fleet, two: tuple[Made, Made], ctx: Context
) -> None:
    answer = send(visitor, "apply", *two)
    assert answer.status_code == 303
    address = answer.location
    started = re.findall(r"operation=(op_\w+)", address)
    assert len(started) == 2
    for operation, counts in zip(started, ({"add": 2}, {"add": 1, "destroy": 1}), strict=True):
        fleet.change_operation(operation, status="planned", generation=1)
        fleet.plan(operation, [change("create", "a_b.c")], **counts)
    page = visitor.text(address)
    assert "All plans together: 1 destroy 3 create" in words(page)
    assert "Approve 1 without losses" in words(page)
    visitor.post("/operations/together/approve", {"operation": started[0], "next": address})
    visitor.post("/operations/together/approve", {"operation": started[1], "next": address})
    with ctx.read() as session:
        rows = [session.get_one(Operation, operation) for operation in started]
        assert [row.approved_at is not None for row in rows] == [True, False]


def test_one_that_is_refused_keeps_no_other_back(
    visitor: Visitor, fleet: Fleet, two: tuple[Made, Made], ctx: Context
) -> None:
    other = replace(fleet.principal, id="usr_other", name="somebody")
    with perform(ctx, other) as work:
        lock_stack(work, two[0].stack_id, "a reason")
    answer = send(visitor, "lock", *two, text="a migration")
    assert answer.status_code == 409
    page = words(answer.text)
    assert "1 done, 1 refused" in page
    with ctx.read() as session:
        assert session.get_one(StackLock, two[1].stack_id).reason == "a migration"


def test_a_label_is_added_and_others_stay(
    visitor: Visitor, fleet: Fleet, two: tuple[Made, Made], ctx: Context
) -> None:
    fleet.change_stack(two[0].stack_id, labels={"team": "shop"})
    assert send(visitor, "label", *two, text="stage=prod").status_code == 303
    with ctx.read() as session:
        labels = {row.name: row.labels for row in session.scalars(select(Stack)).unique()}
    assert labels == {"one": {"team": "shop", "stage": "prod"}, "two": {"stage": "prod"}}


@pytest.mark.parametrize("text", ["", "nothing", "=x", "x" * 300])
def test_a_label_that_is_none_is_refused_at_its_field(
    visitor: Visitor, two: tuple[Made, Made], text: str
) -> None:
    answer = send(visitor, "label", *two, text=text)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text


def test_nonsense_selects_nothing(visitor: Visitor, two: tuple[Made, Made]) -> None:
    assert visitor.get("/stacks/selected?act=apply").location == "/stacks?done=none-selected"
    assert visitor.get(f"/stacks/selected?act=explode&{ids(*two)}").status_code == 422
    many = "&".join(f"stack=stk_{number}" for number in range(101))
    assert visitor.get(f"/stacks/selected?act=plan&{many}").status_code == 422
    assert "Plan 0 stacks" in words(visitor.text("/stacks/selected?act=plan&stack=<script>"))
    assert "No operations" in visitor.text("/operations/together?operation=<script>")
    assert visitor.post("/operations/together/approve").status_code == 422


def test_a_viewer_can_select_and_change_nothing(
    viewer: Visitor, two: tuple[Made, Made], ctx: Context
) -> None:
    assert 'name="stack"' not in viewer.text("/stacks")
    assert send(viewer, "apply", *two).status_code == 409
    with ctx.read() as session:
        assert len(session.scalars(select(Operation.id)).all()) == 2


def test_the_list_is_narrowed_sorted_and_has_views(visitor: Visitor, fleet: Fleet) -> None:
    fleet.project("shop")
    for name, project in (("b", "shop"), ("a", "default"), ("c", "default")):
        fleet.stack(name, project=project)

    def names(query: str) -> list[str]:
        return re.findall(
            r'<a class="strong" href="/stacks/[^"]+">([^<]+)</a>', visitor.text(query)
        )

    assert names("/stacks?sort=name") == ["a", "b", "c"]
    assert names("/stacks?sort=-name") == ["c", "b", "a"]
    assert names("/stacks?project=shop") == ["b"]
    assert names("/stacks?owner=admin&sort=name") == ["a", "b", "c"]
    assert names("/stacks?owner=nobody") == []
    page = visitor.text("/stacks?owner=admin")
    assert 'href="/stacks?owner=admin" aria-current="page"' in page
    assert '<option value="shop">shop (1)</option>' in page
    assert visitor.get("/stacks?sort=sealed_parameters").status_code == 422


def test_a_sorted_list_comes_in_pages_that_hold_each_stack_once(
    visitor: Visitor, fleet: Fleet
) -> None:
    for number in range(53):
        fleet.stack(f"stack-{number:02}")
    seen: list[str] = []
    address: str | None = "/stacks?sort=status"
    while address:
        page = visitor.text(address)
        seen += re.findall(r'<a class="strong" href="/stacks/[^"]+">([^<]+)</a>', page)
        found = re.search(r'href="([^"]+)" rel="next"', page)
        address = unescape(found[1]) if found else None
    assert sorted(seen) == [f"stack-{number:02}" for number in range(53)]
    assert visitor.get("/stacks?sort=name&cursor=WyJpZCIsICJ4Il0").status_code == 422
