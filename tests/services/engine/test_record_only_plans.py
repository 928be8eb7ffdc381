"""Plans that change only the record: applied, counted, and asked about where something is let go.

With real Terraform and the sandbox cloud, over the API as a client meets it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.factory import create_app
from app.services.installation.setup import prepare
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.plan_counts import counts
from tests.sandbox_cloud import Cloud, Service
from tests.services.engine.conftest import numbered_account
from tests.working_client import WorkingClient

SHIPPED = Path(__file__).parents[3] / "terraform"
EXAMPLES = Path(__file__).parents[2] / "blueprints"
KINDS = ("renamed", "forgetful")


@pytest.fixture
def cloud(sandbox_service: Service) -> Iterator[Cloud]:
    token = sandbox_service.make_account(numbered_account())
    made = Cloud(sandbox_service.endpoint, token)
    yield made
    made.close()


@pytest.fixture
def first(
    make_prepared_settings: MakeSettings,
    sandbox_service: Service,
    cloud: Cloud,
    tmp_path: Path,
) -> Iterator[WorkingClient]:
    """A client of a Landform whose catalog has the examples in version 1.0.0 only."""
    settings = make_prepared_settings(
        redis_url=NOWHERE,
        sandbox_port=sandbox_service.port,
        catalog_root=tmp_path / "first",
        log_level="ERROR",
    )
    shutil.copytree(SHIPPED, settings.catalog_root)
    for name in KINDS:
        oldest = EXAMPLES / name / "versions/1.0.0"
        shutil.copytree(oldest, settings.catalog_root / "blueprints" / name)
    prepare(settings, cloud.token)
    install(settings.sandbox_mirror)
    made = WorkingClient(create_app(settings))
    yield made
    made.ctx.db.close()


@pytest.fixture
def client(first: WorkingClient, tmp_path: Path) -> Iterator[WorkingClient]:
    """A client of the same Landform after a release that brought all versions."""
    root = tmp_path / "second"
    shutil.copytree(SHIPPED, root)
    shutil.copytree(EXAMPLES, root / "blueprints", dirs_exist_ok=True)
    made = WorkingClient(create_app(first.ctx.settings.model_copy(update={"catalog_root": root})))
    yield made
    made.ctx.db.close()


def names(cloud: Cloud) -> list[str]:
    return sorted(str(item["id"]) for item in cloud.list())


def test_a_rename_is_applied_and_the_next_version_destroys_nothing(
    first: WorkingClient, client: WorkingClient, cloud: Cloud
) -> None:
    stack = first.made("renamed")
    before = names(cloud)
    looked = client.perform(stack, type="plan", blueprint_version="2.0.0")
    assert looked["plan"] == counts(move=1)
    moved = client.perform(stack, type="apply", blueprint_version="2.0.0")
    assert (moved["status"], moved["plan"]) == ("applied", counts(move=1)), moved["error"]
    assert client.addresses(stack) == ["sandbox_bucket.main"]
    log = client.get(f"/operations/{moved['id']}/log").text
    assert "Will move 1 resource." in log
    assert "Nothing to do" not in log
    (change,) = client.shown(f"/operations/{moved['id']}/plan")["changes"]
    assert (change["action"], change["previous_address"]) == ("move", "sandbox_bucket.old")
    last = client.perform(stack, type="apply", blueprint_version="3.0.0")
    assert (last["status"], last["plan"]) == ("planned_and_finished", counts()), last["error"]
    assert names(cloud) == before
    assert "Nothing to do" in client.get(f"/operations/{last['id']}/log").text


@pytest.mark.parametrize("rule", ["unless_destroy", "additions_only"])
def test_what_would_be_forgotten_needs_approval(
    first: WorkingClient, client: WorkingClient, cloud: Cloud, rule: str
) -> None:
    stack = first.made("forgetful", auto_apply=rule)
    both = names(cloud)
    waiting = client.perform(stack, type="apply", blueprint_version="2.0.0")
    assert (waiting["status"], waiting["plan"]) == ("planned", counts(forget=1))
    assert waiting["waiting_for"]["reason"] == "approval"
    assert client.addresses(stack) == ["sandbox_bucket.extra", "sandbox_bucket.main"]
    assert client.post(f"/operations/{waiting['id']}/approve").status_code == 202
    done = client.carry_out(waiting["id"])
    assert done["status"] == "applied", done["error"]
    assert client.addresses(stack) == ["sandbox_bucket.main"]
    assert names(cloud) == both, "what is forgotten stays in the cloud"
    check = client.perform(stack, type="drift_check")
    assert check["status"] == "planned_and_finished", check["error"]
    shown = client.shown(f"/stacks/{stack['id']}")
    assert (shown["drift"]["status"], shown["pending_changes"]) == ("in_sync", False)
    (gone,) = client.shown(f"/stacks/{stack['id']}/resources")["let_go"]
    assert gone["address"] == "sandbox_bucket.extra"
    assert gone["id"] in both
    assert gone["operation_id"] == done["id"]


def test_a_check_sees_that_a_move_is_not_applied_yet(
    first: WorkingClient, client: WorkingClient
) -> None:
    stack = first.made("renamed")
    wanted = {"auto_apply": "never"}
    changed = client.patch(f"/renameds/{stack['id']}", wanted, If_Match="*")
    assert changed.status_code in (200, 202), changed.text
    held = client.perform(stack, type="apply", blueprint_version="2.0.0")
    assert held["status"] == "planned"
    assert client.post(f"/operations/{held['id']}/discard").status_code in (200, 202)
    check = client.perform(stack, type="drift_check")
    assert check["plan"] == counts(move=1), check["error"]
    assert client.shown(f"/stacks/{stack['id']}")["pending_changes"]
    report = client.shown(f"/stacks/{stack['id']}/drift-reports")["items"][0]
    assert (report["status"], report["pending_changes"]) == ("in_sync", True)
