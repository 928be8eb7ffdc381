"""Profiles: readable by their owner only, written whole, renewed by one process at a time."""

from __future__ import annotations

import argparse
import json
import os
import stat
import threading
from pathlib import Path
from typing import Any, cast

import pytest

from landform_client import Landform
from landform_client.command.connection import ProfileSession, chosen_project, connect
from landform_client.command.exits import UsageError
from landform_client.command.profiles import (
    Profile,
    changing_profiles,
    profiles_path,
    read_profiles,
)

URL = "http://landform.test"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("TOKEN", "URL", "PROFILE", "PROFILES"):
        monkeypatch.delenv(f"LANDFORM_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    return tmp_path / "landform" / "profiles.json"


def options(**more: Any) -> argparse.Namespace:
    return argparse.Namespace(**{"profile": None, "url": None, "project": None, **more})


def keep(name: str = "default", **more: Any) -> None:
    with changing_profiles() as profiles:
        profiles.by_name[name] = Profile(**{"url": URL, **more})


def test_the_file_is_its_owners_alone_whatever_the_umask(path: Path) -> None:
    before = os.umask(0)
    try:
        keep(token="lft_x")
    finally:
        os.umask(before)
    assert path == profiles_path()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert read_profiles().by_name["default"].token == "lft_x"
    assert [item.name for item in path.parent.iterdir()] != []


def test_one_that_others_may_read_is_refused(path: Path) -> None:
    keep()
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        read_profiles()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"profiles": 1}', '{"profiles": {"a": {"colour": 1}}, "current": "a"}'],
)
def test_a_damaged_file_is_said(path: Path, content: str) -> None:
    path.parent.mkdir()
    path.touch(0o600)
    path.write_text(content)
    with pytest.raises(UsageError, match="is damaged"):
        read_profiles()


def test_a_change_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    keep(token="lft_x")
    before = path.read_text()

    def change(error: Exception) -> None:
        with changing_profiles() as profiles:
            profiles.by_name.clear()
            raise error

    with pytest.raises(RuntimeError):
        change(RuntimeError("no"))
    with pytest.raises(TypeError, match="not JSON serializable"):
        keep(token=object())
    assert path.read_text() == before
    assert sorted(item.name for item in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


def test_a_place_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LANDFORM_PROFILES", str(tmp_path / "file" / "profiles.json"))
    with pytest.raises(UsageError, match="profiles"):
        keep()


def test_who_is_not_signed_in_is_told_how(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="landform login"):
        connect(options())
    with pytest.raises(UsageError, match="no profile other"):
        connect(options(profile="other"))
    monkeypatch.setenv("LANDFORM_TOKEN", "lft_x")
    with pytest.raises(UsageError, match="no URL"):
        connect(options(url="landform.test"))
    assert connect(options(url=URL)).transport.sign_in.token() == "lft_x"


def test_a_token_is_never_sent_to_another_landform_than_its_own() -> None:
    keep(token="lft_x")
    with pytest.raises(UsageError, match="not to http://evil"):
        connect(options(url="http://evil.test"))
    assert connect(options(url=f"{URL}/")).url == URL


def test_the_project_is_the_options_else_the_profiles(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen_project(options()) == "default"
    keep(project="shop")
    assert chosen_project(options()) == "shop"
    assert chosen_project(options(project="x")) == "x"
    keep("second", project="other")
    monkeypatch.setenv("LANDFORM_PROFILE", "second")
    assert chosen_project(options()) == "other"


class Renewing:
    """Stands for the server: each refresh token works once."""

    def __init__(self) -> None:
        self.used: list[str] = []

    def renew_tokens(self, refresh_token: str) -> dict[str, object]:
        assert refresh_token not in self.used
        self.used.append(refresh_token)
        number = len(self.used) + 1
        return {"access_token": f"a{number}", "refresh_token": f"r{number}", "expires_in": 900}


def test_many_processes_use_a_refresh_token_once(path: Path) -> None:
    keep(access_token="a1", refresh_token="r1", expires_at=0.0)
    server = Renewing()
    profile = read_profiles().by_name["default"]
    found: list[str | None] = []

    def use() -> None:
        session = ProfileSession("default", Profile(**vars(profile)), cast("Landform", server))
        found.append(session.token())

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.used == ["r1"]
    assert found == ["a2"] * 8
    assert json.loads(path.read_text())["profiles"]["default"]["refresh_token"] == "r2"
