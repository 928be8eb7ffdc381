"""Plugins get a folder in which a unix socket has an address, however deep a run lies."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path

import pytest

from app.errors import UnavailableError
from app.storage.socket_folder import find_socket_folder
from sandbox.provider.serving import _choose_socket_folder


def listen_in(folder: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "plugin4294967295"))


def test_a_run_near_the_root_keeps_its_sockets_itself() -> None:
    with tempfile.TemporaryDirectory() as near:
        assert find_socket_folder(Path(near)) == Path(near)


@pytest.mark.parametrize("length", [40, 69, 70, 71, 77, 78, 79, 89, 90, 91, 107, 140])
def test_the_provider_of_the_sandbox_listens_in_the_folder_that_it_is_given(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as near:
        monkeypatch.setattr(tempfile, "tempdir", near)
        deep = Path(near, "d" * (length - len(near) - 1)) if length > len(near) + 1 else Path(near)
        deep.mkdir(exist_ok=True)
        given = find_socket_folder(deep)
        monkeypatch.setenv("PLUGIN_UNIX_SOCKET_DIR", str(given))
        assert _choose_socket_folder() == str(given)
        with (
            tempfile.TemporaryDirectory(prefix="sandbox-", dir=given) as folder,
            socket.socket(socket.AF_UNIX) as listener,
        ):
            listener.bind(f"{folder}/plugin.sock")


def test_sockets_of_a_deep_run_lie_elsewhere_and_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory() as near:
        monkeypatch.setattr(tempfile, "tempdir", near)
        folder = find_socket_folder(tmp_path / ("d" * 100))
        listen_in(folder)
        assert folder.stat().st_mode & 0o777 == 0o700
        assert find_socket_folder(tmp_path / ("e" * 100)) == folder


def test_a_folder_that_others_may_write_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = find_socket_folder(tmp_path / ("d" * 100))
    folder.chmod(0o777)
    with pytest.raises(UnavailableError, match="remove it"):
        find_socket_folder(tmp_path / ("d" * 100))
