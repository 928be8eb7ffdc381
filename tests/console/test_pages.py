"""Every page is there, says what it must, escapes what people wrote, and needs no looser policy."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from sqlalchemy import select

from app.models import DriftFinding
from tests.console.conftest import Visitor
from tests.console.fleet_examples import DONE, Fleet, Made, attribute, change, updated
from tests.console.stacks.test_resources import block, state

ATTACK = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
INLINE = (
    r"<script(?![^>]*\bsrc=)",
    r"<style\b",
    r"<[a-z][^>]*\son[a-z]+\s*=",
    r"<[a-z][^>]*\sstyle\s*=",
    r"javascript:",
)


SETTINGS = (
    "/settings",
    "/settings/tokens",
    "/settings/tokens/new",
    "/settings/users",
    "/settings/users/new",
    "/settings/users/admin",
    "/settings/users/admin/delete",
    "/settings/projects",
    "/settings/projects/new",
    "/settings/projects/default",
    "/settings/projects/default/delete",
    "/settings/projects/default/costs",
    "/settings/projects/default/maintenance",
    "/settings/maintenance",
    "/settings/webhooks",
    "/settings/webhooks/new",
    "/settings/policies",
    "/settings/policies/new",
    "/settings/policies/new?pack=basics",
    "/settings/drift-rules",
    "/audit",
    "/cloud-accounts",
    "/cloud-accounts/new",
    "/cloud-accounts/new/sandbox",
    "/cloud-accounts/sandbox",
    "/cloud-accounts/sandbox/edit",
    "/cloud-accounts/sandbox/credentials",
    "/cloud-accounts/sandbox/delete",
)


@dataclass(frozen=True)
class World:
    """A fleet in which every kind of trouble occurs, with an attack in every text."""

    network: Made
    failed: Made
    waiting: str
    running: str
    finding: str

    def paths(self) -> list[str]:
        stack = f"/stacks/{self.network.stack_id}"
        return [
            "/",
            "/inbox",
            "/search",
            "/orphans",
            "/search?q=web",
            "/stacks",
            "/stacks?q=web&kind=network&status=ready&drift=drifted",
            "/stacks/new",
            "/stacks/new/network",
            "/stacks/new/machine-group",
            "/stacks/new/bucket",
            stack,
            f"{stack}/resources",
            f"{stack}/operations",
            f"{stack}/timeline",
            f"{stack}/drift",
            f"{stack}/state",
            f"{stack}/destroy",
            "/operations",
            "/operations?status=errored&type=apply",
            f"/operations/{self.failed.operation_id}",
            f"/operations/{self.waiting}",
            f"/operations/{self.running}",
            "/console/design",
            "/workers",
            "/drift",
            "/drift?verdict=unknown",
            "/drift?group=cause",
            "/drift?group=hidden",
            f"{stack}/drift/reconcile",
            f"{stack}/drift/accept",
            self.finding,
            "/catalogue",
            "/catalogue/machine-group",
            *SETTINGS,
        ]


@pytest.fixture
def world(fleet: Fleet) -> World:
    network = fleet.stack("web", labels={"note": ATTACK}, status_reason=ATTACK)
    fleet.output(network.stack_id, "network_id", ATTACK)
    fleet.output(network.stack_id, "admin_password", "hunter2-is-secret", is_sensitive=True)
    fleet.state(network, state(block("sandbox_network", "this")))
    fleet.drift(network, "drifted", [updated(ATTACK, ATTACK, ATTACK, {"k": ATTACK})], ATTACK)
    failed = fleet.stack("assets", "bucket", status="failed", status_reason=ATTACK)
    error = {"code": "terraform_failed", "title": ATTACK, "detail": ATTACK, "advice": ATTACK}
    orphan = {"address": ATTACK, "id": ATTACK, "reason": ATTACK}
    diagnostic = {"summary": ATTACK, "detail": ATTACK, "address": ATTACK}
    fleet.change_operation(
        failed.operation_id,
        status="errored",
        error={**error, "diagnostics": [diagnostic]},
        possibly_orphaned=[orphan],
        requested_by=ATTACK,
    )
    fleet.steps(failed.operation_id, *DONE[:5], last="failed")
    fleet.events(failed.operation_id, [{"message": ATTACK, "level": "error", "type": ATTACK[:40]}])
    waiting = fleet.operation(network.stack_id, status="planned")
    fleet.plan(waiting, [change("delete", ATTACK, attribute(ATTACK, ATTACK, None))], destroy=1)
    running = fleet.operation(fleet.stack("edge").stack_id, status="applying", has_applied=True)
    fleet.plan(running, [change("create", "sandbox_network.this")], add=1)
    with fleet.ctx.read() as session:
        finding = f"/drift/findings/{session.scalars(select(DriftFinding.id)).one()}"
    return World(network, failed, waiting, running, finding)


def test_every_page_is_there_and_holds_nothing_inline(visitor: Visitor, world: World) -> None:
    for path in world.paths():
        page = visitor.text(path)
        for pattern in INLINE:
            found = re.search(pattern, page.replace("&lt;", " "), flags=re.I)
            assert not found, (path, found and page[found.start() - 80 : found.end() + 80])
        assert ATTACK not in page, path
        assert "<script>alert" not in page, path
        assert "<img" not in page, path


def test_every_page_has_one_heading_a_title_and_its_breadcrumbs(
    visitor: Visitor, world: World
) -> None:
    for path in world.paths():
        page = visitor.text(path)
        assert page.count("<h1") == 1, path
        assert "· Landform</title>" in page, path
        assert 'aria-label="Breadcrumbs"' in page, path
        assert page.count("<main") == 1, path


def test_every_link_of_every_page_leads_somewhere(visitor: Visitor, world: World) -> None:
    links = {
        link.replace("&amp;", "&")
        for path in world.paths()
        for link in re.findall(r'href="(/[^"#]*)', visitor.text(path))
    }
    for link in sorted(links):
        assert visitor.get(link, follow_redirects=True).status_code == 200, link


def test_ids_are_unique_in_every_page(visitor: Visitor, world: World) -> None:
    for path in world.paths():
        ids = re.findall(r'\sid="([^"]+)"', visitor.text(path))
        assert len(ids) == len(set(ids)), (path, sorted(i for i in ids if ids.count(i) > 1))


def test_no_page_shows_a_secret(visitor: Visitor, fleet: Fleet, world: World) -> None:
    machines = fleet.stack(
        "machines",
        "machine-group",
        parameters={"network": "web", "user_data": "hunter2-start-up"},
    )
    page = visitor.text(f"/stacks/{machines.stack_id}")
    assert "Start-up script" in page
    assert "(sensitive)" in page
    for path in [*world.paths(), f"/stacks/{machines.stack_id}"]:
        assert "hunter2" not in visitor.text(path), path


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/stacks/stk_missing",
        "/stacks/stk_missing/drift",
        "/stacks/stk_missing/destroy",
        "/operations/op_missing",
        "/operations/op_missing/stream",
        "/operations/op_missing/log.txt",
        "/stacks/new/spaceship",
        "/catalogue/spaceship",
        "/catalogue/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 404
    assert "<script>alert" not in response.text
    assert "Go to the overview" in response.text
    assert response.headers["X-Request-Id"] in response.text


def test_a_outsider_gets_the_same_404_with_a_way_in(outsider: Visitor) -> None:
    response = outsider.get("/nothing")
    assert response.status_code == 404
    assert "Signed in as" not in response.text
    assert 'href="/sign-in"' in response.text


def test_a_wrong_method_says_which_are_right(visitor: Visitor) -> None:
    response = visitor.post("/drift")
    assert response.status_code == 405
    assert "GET" in response.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/stacks?status=odd", "/drift?verdict=odd", "/operations?type=odd", "/stacks?cursor=x"]
)
def test_a_filter_that_does_not_exist_is_named(visitor: Visitor, path: str) -> None:
    response = visitor.get(path)
    assert response.status_code == 422
    assert re.search(r"\?(status|verdict|type|cursor)", response.text)


def test_the_page_comes_with_a_strict_policy(visitor: Visitor) -> None:
    policy = visitor.get("/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy


def test_the_first_load_is_light(visitor: Visitor) -> None:
    page = visitor.text("/")
    parts = set(re.findall(r'(?:href|src)="(/static/[^"#]+)', page))
    assert len(parts) >= 6
    size = len(page.encode())
    for part in parts:
        response = visitor.get(part)
        assert response.status_code == 200, part
        size += len(response.data)
    assert size < 200 * 1024


def test_an_empty_landform_says_what_to_do_first(visitor: Visitor) -> None:
    assert "Create your first stack" in visitor.text("/")
    assert "Create your first stack" in visitor.text("/stacks")
    assert "No operations yet" in visitor.text("/operations")
    assert "No drift checks yet" in visitor.text("/drift")


@pytest.mark.parametrize("path", ["/stacks?q=%00", "/stacks?cursor=a%00", "/operations?status=%00"])
def test_text_that_no_database_keeps_is_refused(visitor: Visitor, path: str) -> None:
    assert visitor.get(path).status_code == 422
    assert visitor.get("/stacks/%00").status_code == 404


def test_the_overview_draws_what_happened_and_a_renewal_leaves_it_out(
    visitor: Visitor, fleet: Fleet
) -> None:
    made = fleet.stack("web")
    fleet.steps(made.operation_id, *DONE)
    page = visitor.text("/")
    assert "1 applied</title>" in page
    assert "Step duration" in page
    renewed = visitor.get("/", headers={"HX-Request": "true"})
    assert renewed.status_code == 200
    assert "Step duration" not in renewed.text


def test_running_work_says_how_far_it_is(visitor: Visitor, fleet: Fleet) -> None:
    running = fleet.operation(fleet.stack("edge").stack_id, status="applying", has_applied=True)
    fleet.plan(running, [change("create", "a_b.this"), change("create", "a_b.that")], add=2)
    done = {"address": "a_b.this", "action": "create"}
    fleet.events(running, [{"message": "made", "type": "apply_complete", "data": done}])
    page = visitor.text("/")
    assert '<progress aria-label="Progress of edge" max="2" value="1">' in page
    assert "1 of 2 resources" in page
