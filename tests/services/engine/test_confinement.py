"""A module that tries sees its own run directory and nothing else of Landform."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT
from app.services.context import build_context
from app.terraform.launcher import landlock_version
from app.terraform_account import NOBODY_ELSE, choose_account
from tests.landform import Landform
from tests.spy import add_spy, told_by_spy

pytestmark = pytest.mark.skipif(landlock_version() == 0, reason="this kernel has no Landlock")


@pytest.fixture
def listener(tmp_path: Path) -> Iterator[Path]:
    """A socket of the host, on which nobody gives an answer."""
    path = tmp_path / "host.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        yield path


def spied(landform: Landform, tmp_path: Path, listener: Path, user: str) -> dict[str, Any]:
    """Return what a module saw that ran beside the run of another stack."""
    settings = landform.settings
    other = settings.work_dir / "runs" / "op_other"
    other.mkdir(parents=True, mode=0o700)
    own = settings.home_dir.rglob("*")
    targets = [
        *(Path("/etc/shadow"), Path("/"), Path("/tmp"), REPOSITORY_ROOT, tmp_path),
        *(settings.home_dir, settings.state_dir, settings.work_dir, other),
        *(path for path in own if path.is_file() and "mirror" not in path.parts),
        REPOSITORY_ROOT / "requirements.txt",
    ]
    for path in (settings.home_dir / "secrets.json", other / "terraform.tfstate"):
        path.write_text("secret")
        path.chmod(0o600)
        targets.append(path)
    root = add_spy(tmp_path / "catalogue", targets, [listener], [os.getpid(), os.getppid(), 1])
    changed = settings.model_copy(update={"catalog_root": root, "terraform_user": user})
    landform.use(build_context(changed))
    _, operation = landform.create("spy", "spy")
    done = landform.carry_out(operation)
    assert done.status == "applied", done.error
    return told_by_spy(landform.messages(operation))


@pytest.mark.skipif(os.getuid() != 0, reason="only root may become another user")
def test_terraform_under_its_own_user_sees_its_run_directory_only(
    landform: Landform, tmp_path: Path, listener: Path
) -> None:
    told = spied(landform, tmp_path, listener, "")
    assert told["seen"] == []
    assert told["facts"] == {
        "uid": NOBODY_ELSE,
        "groups": [],
        "no_new_privs": 1,
        "capabilities": [],
        "core": 0,
        "umask": 0o077,
    }


def test_terraform_under_landforms_user_sees_its_run_directory_only(
    landform: Landform, tmp_path: Path, listener: Path
) -> None:
    told = spied(landform, tmp_path, listener, "none")
    assert told["seen"] == []
    assert told["facts"]["uid"] == os.getuid()
    assert told["facts"]["no_new_privs"] == 1
    if os.getuid() == 0:
        assert told["facts"]["capabilities"] == []


def test_what_the_operator_names_may_be_read(
    landform: Landform, tmp_path: Path, listener: Path
) -> None:
    landform.settings = landform.settings.model_copy(
        update={"terraform_readable": str(REPOSITORY_ROOT / "requirements.txt")}
    )
    told = spied(landform, tmp_path, listener, "none")
    assert told["seen"] == [f"read {REPOSITORY_ROOT / 'requirements.txt'}"]


def test_who_may_become_another_user_does(landform: Landform) -> None:
    account = choose_account(landform.settings).account
    assert (account is not None) is (os.getuid() == 0)
