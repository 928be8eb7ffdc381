"""As whom Terraform runs, and a home that is closed to everybody else."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from app import terraform_account
from app.errors import ConfigurationError
from app.terraform_account import (
    NOBODY_ELSE,
    TerraformAccount,
    choose_account,
    find_account,
    open_home,
)
from tests.conftest import MakeSettings

is_root = pytest.mark.skipif(os.getuid() != 0, reason="only root may give files away")


def have_capabilities(folder: Path, monkeypatch: pytest.MonkeyPatch, mask: int) -> None:
    status = folder / "status"
    status.write_text(f"Name:\tpython\nCapEff:\t{mask:016x}\n")
    monkeypatch.setattr(terraform_account, "STATUS_FILE", status)


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()}


@is_root
def test_root_runs_terraform_as_somebody_else(make_settings: MakeSettings) -> None:
    named = choose_account(make_settings(terraform_user="65534"))
    assert named.account == TerraformAccount(65534, 65534)
    assert choose_account(make_settings(terraform_user="1234:5678")).account == TerraformAccount(
        1234, 5678
    )
    assert choose_account(make_settings(terraform_user="nobody")).account == TerraformAccount(
        65534, 65534
    )
    found = choose_account(make_settings()).account
    assert found is not None
    assert found.uid in (NOBODY_ELSE, found.uid)
    assert found.uid != os.geteuid()


def test_nobody_is_somebody_else_when_it_is_not_wanted(make_settings: MakeSettings) -> None:
    choice = choose_account(make_settings(terraform_user="none"))
    assert choice.account is None
    assert "LANDFORM_TERRAFORM_USER" in choice.reason


@pytest.mark.parametrize("wanted", ["nobody-of-that-name", "0", str(os.geteuid())])
def test_a_user_that_cannot_be_used_is_refused_with_a_sentence(
    make_settings: MakeSettings, wanted: str
) -> None:
    settings = make_settings(terraform_user=wanted)
    with pytest.raises(ConfigurationError, match="LANDFORM_TERRAFORM_USER: .*user"):
        choose_account(settings)
    assert find_account(settings) is None


def test_without_the_right_landforms_user_is_taken_and_the_reason_given(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    have_capabilities(tmp_path, monkeypatch, 0)
    choice = choose_account(make_settings())
    assert choice.account is None
    assert "CAP_CHOWN" in choice.reason
    with pytest.raises(ConfigurationError, match="LANDFORM_TERRAFORM_USER.*CAP_CHOWN"):
        choose_account(make_settings(terraform_user="65534"))


def test_a_closed_folder_on_the_way_is_named(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may not mount needs folders that others may walk through."""
    have_capabilities(tmp_path, monkeypatch, sum(1 << number for number in CAPABILITY_NUMBERS))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    choice = choose_account(make_settings(home=closed / "home"))
    assert choice.account is None
    assert "may not walk through" in choice.reason
    assert "chmod o+x" in choice.reason


CAPABILITY_NUMBERS = terraform_account.CAPABILITIES.values()


def test_a_home_that_was_open_to_all_is_closed(make_settings: MakeSettings, tmp_path: Path) -> None:
    settings = make_settings()
    home = settings.home_dir
    for folder in (home, home / "state", home / "redis", home / "sandbox"):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    for name in ("landform.db", "landform.db-wal", "admin-password", "sandbox/store.db"):
        (home / name).touch()
        (home / name).chmod(0o644)
    outside = tmp_path / "outside"
    outside.touch()
    outside.chmod(0o644)
    (home / "link").symlink_to(outside)
    open_home(settings, None)
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    modes = modes_in(home)
    del modes["link"]
    assert {mode & 0o077 for mode in modes.values()} == {0}
    assert modes_in(home / "sandbox") == {"store.db": 0o600}
    assert stat.S_IMODE(outside.stat().st_mode) == 0o644


@is_root
def test_terraforms_user_may_walk_to_its_own_and_read_nothing_else(
    make_settings: MakeSettings,
) -> None:
    settings = make_settings()
    home = settings.home_dir
    for folder in (home, home / "state", home / "work", home / "sandbox" / "mirror"):
        folder.mkdir(parents=True)
        folder.chmod(0o755)
    (home / "landform.db").touch()
    (home / "landform.db").chmod(0o644)
    open_home(settings, TerraformAccount(1234, 5678))
    for folder, mode in ((home, 0o710), (home / "work", 0o710), (home / "sandbox", 0o710)):
        status = folder.stat()
        assert (stat.S_IMODE(status.st_mode), status.st_gid) == (mode, 5678)
    assert stat.S_IMODE((home / "sandbox" / "mirror").stat().st_mode) == 0o755
    assert modes_in(home)["landform.db"] == 0o600
    assert modes_in(home)["state"] == 0o700
