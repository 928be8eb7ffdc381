"""The list of stacks, its filters, and who sees what of them."""

from __future__ import annotations

import re

import pytest

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
    assert 'href="/stacks?status=failed" aria-label="Remove the filter Kind bucket"' in page
    assert names_in(visitor.text("/stacks?q=we")) == ["web"]
    assert "No matching stacks" in visitor.text("/stacks?q=nothing%25")


def test_the_state_tab_lists_versions_newest_first(visitor: Visitor, fleet: Fleet) -> None:
    made = fleet.stack()
    shas = [fleet.state_version(made, serial) for serial in (1, 2, 3)]
    page = visitor.text(f"/stacks/{made.stack_id}/state")
    places = [page.index(f'title="{sha}">{sha[:12]}<') for sha in shas]
    assert places == sorted(places, reverse=True)
    assert "4.2 KiB" in page


def test_a_viewer_reads_everything_and_changes_nothing(outsider: Visitor, fleet: Fleet) -> None:
    fleet.member("vera", "a long password", "viewer")
    made = fleet.stack("web")
    waiting = fleet.operation(made.stack_id, status="planned")
    outsider.sign_in("vera", "a long password")
    page = outsider.text(f"/stacks/{made.stack_id}")
    assert "Destroy…" not in page
    assert "New stack" not in outsider.text("/stacks")
    assert "Approve and apply" not in outsider.text(f"/operations/{waiting}")
    for path, form in (
        (f"/stacks/{made.stack_id}/operations", {"type": "apply"}),
        (f"/stacks/{made.stack_id}/destroy", {"name": "web"}),
        (f"/operations/{waiting}/approve", {}),
        (f"/operations/{waiting}/discard", {}),
        (f"/operations/{waiting}/cancel", {}),
        ("/stacks/new/network", {"intent": "create", "/name": "x"}),
    ):
        assert outsider.post(path, form).status_code == 403, path


def test_who_is_in_no_project_sees_nothing_of_it(outsider: Visitor, fleet: Fleet) -> None:
    fleet.member("otto", "a long password", None)
    made = fleet.stack("web")
    outsider.sign_in("otto", "a long password")
    assert outsider.get(f"/stacks/{made.stack_id}").status_code == 404
    assert outsider.get(f"/operations/{made.operation_id}").status_code == 404
    assert outsider.get(f"/operations/{made.operation_id}/stream").status_code == 404
    for path in ("/", "/stacks", "/operations", "/drift"):
        assert made.stack_id not in outsider.text(path)


def test_who_may_make_nothing_is_not_led_to_forms_that_refuse(
    outsider: Visitor, fleet: Fleet
) -> None:
    fleet.member("vera", "a long password", "viewer")
    outsider.sign_in("vera", "a long password")
    for path in ("/", "/stacks", "/operations"):
        assert 'href="/stacks/new"' not in outsider.text(path)
    kinds = outsider.text("/stacks/new")
    assert "requires the role Operator" in kinds
    assert 'href="/stacks/new/' not in kinds
    assert outsider.get("/stacks/new/bucket").status_code == 403


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"status": "planned"}, "Awaiting approval"),
        ({}, "Queued"),
        ({"status": "applying"}, "Creating"),
    ],
)
def test_a_stack_is_creating_only_while_something_is_created(
    visitor: Visitor, fleet: Fleet, columns: dict[str, str], said: str
) -> None:
    made = fleet.stack("web", status="creating")
    fleet.change_operation(made.operation_id, **columns)
    for path in ("/stacks", f"/stacks/{made.stack_id}"):
        page = visitor.text(path).partition("<h1")[2]
        badges = re.findall(r'<span class="badge badge--\w+">.*?</svg>([^<]+)</span>', page)
        assert badges[0] == said


def test_labels_lead_to_all_stacks_that_have_them(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web", labels={"team": "shop"})
    fleet.stack("other", labels={"team": "data", "quoted": "a b"})
    assert 'href="/stacks?label=team%3Dshop"' in visitor.text("/stacks")
    for query in ("label=team%3Dshop", "q=team%3Dshop", "q=shop"):
        page = visitor.text(f"/stacks?{query}")
        assert (">web</a>" in page, ">other</a>" in page) == (True, False)


@pytest.mark.parametrize(
    "query", ["%22", "%7B", "=", "=x", "x=", "%25", "_", "%5C", "%3A", "\u00e9"]
)
def test_a_search_finds_no_punctuation_of_how_labels_are_kept(
    visitor: Visitor, fleet: Fleet, query: str
) -> None:
    fleet.stack("web", labels={"team": "shop"})
    assert ">web</a>" not in visitor.text(f"/stacks?q={query}")
