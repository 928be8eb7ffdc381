"""What a module of a running Landform sees of it: nothing, whatever user the service has."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT
from app.terraform.launcher import landlock_version
from app.terraform_account import NOBODY_ELSE
from tests.as_nobody import NOBODY
from tests.running import RunningLandform
from tests.spy import add_spy, told_by_spy

pytestmark = [
    pytest.mark.thorough,
    pytest.mark.skipif(os.getuid() != 0, reason="only root may start it as others"),
    pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock"),
]
CANARY = "canary-of-the-first-password"


class LandformOfNobody(RunningLandform):
    """All processes under a user that may become nobody else."""

    command = (
        *(sys.executable, "-m", "tests.as_nobody"),
        *(sys.prefix, sys.base_prefix, str(REPOSITORY_ROOT)),
    )

    def __init__(self, home: Path, **variables: str) -> None:
        home.mkdir(parents=True)
        os.chown(home, NOBODY, NOBODY)
        catalog = variables["LANDFORM_CATALOG_ROOT"]
        self.command = (
            *(*self.command, str(home), catalog, "--"),
            *(sys.executable, "-m", "workers.supervisor"),
        )
        super().__init__(home, **variables)


def spied(start: type[RunningLandform], folder: Path) -> tuple[RunningLandform, dict[str, Any]]:
    """Return what a module of a whole Landform saw."""
    home = folder / "home"
    files = ("secrets.json", "admin-password", "landform.db", "landform.db-wal", "landform.lock")
    places = ("redis", "redis/redis.conf", "redis/appendonlydir", "state", "work", "work/runs")
    sockets = [home / "redis" / "redis.sock", home / "providers" / "pool.sock"]
    own = [home / name for name in (*files, *places, "providers", "providers/pool.token")]
    sandbox = [home / "sandbox", *(home / "sandbox" / name for name in ("token", "store"))]
    outside = [Path("/etc/shadow"), Path("/"), REPOSITORY_ROOT, Path("/proc")]
    catalog = add_spy(
        folder / "catalogue", [home, *own, *sandbox, *outside], sockets, [os.getpid()]
    )
    landform = start(
        home, LANDFORM_CATALOG_ROOT=str(catalog), LANDFORM_ADMIN_PASSWORD=CANARY
    ).sign_in()
    try:
        asked = landform.create("spy", "spies", parameters={})
        done = landform.end_of(asked["operation"]["id"])
        assert done["status"] == "applied", done
        events = landform.call("GET", f"/operations/{done['id']}/events?limit=200")["items"]
        landform.made("beside")  # with a provider that is kept
        return landform, told_by_spy(item["message"] for item in events)
    finally:
        landform.end()


def test_nothing_of_a_service_of_root_is_seen(tmp_path: Path) -> None:
    landform, told = spied(RunningLandform, tmp_path)
    assert told["seen"] == []
    assert told["facts"]["uid"] == NOBODY_ELSE
    assert f"run as user {NOBODY_ELSE}" in landform.output.read_text()
    assert "terraform_less_confined" not in landform.output.read_text()


def test_nothing_of_a_service_without_rights_is_seen(tmp_path: Path) -> None:
    landform, told = spied(LandformOfNobody, tmp_path)
    assert told["seen"] == []
    assert told["facts"]["uid"] == NOBODY
    assert told["facts"]["no_new_privs"] == 1
    assert "run as Landform's user" in landform.output.read_text()
    assert "terraform_less_confined" in landform.output.read_text(), "each worker says it"
