"""Files that accounts may name: only plain ones below one folder, whatever leads elsewhere."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from app.storage import credential_files
from app.storage.credential_files import MAX_BYTES, CredentialFileError, CredentialFiles

TOKEN = b"a.b.c\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "allowed"
    (folder / "inner").mkdir(parents=True)
    (folder / "token").write_bytes(TOKEN)
    (tmp_path / "secret").write_bytes(b"canary")
    return folder


@pytest.fixture
def files(root: Path, tmp_path: Path) -> CredentialFiles:
    return CredentialFiles(root, tmp_path / "copies")


def test_a_file_of_the_folder_is_read_and_copied_for_this_user_alone(
    files: CredentialFiles, root: Path
) -> None:
    assert files.read(str(root / "token")) == TOKEN
    copy = files.copy("acc_1", "token_file", TOKEN)
    assert (copy.read_bytes(), copy.stat().st_mode & 0o777) == (TOKEN, 0o600)
    assert copy.parent.stat().st_mode & 0o777 == 0o700
    assert files.copy("acc_1", "token_file", b"fresh") == copy
    assert copy.read_bytes() == b"fresh"
    files.forget("acc_1")
    assert not copy.parent.exists()
    files.forget("acc_1")


def test_links_within_the_folder_are_followed_as_kubernetes_lays_tokens_out(
    files: CredentialFiles, root: Path
) -> None:
    (root / "..2026").mkdir()
    (root / "..2026" / "token").write_bytes(TOKEN)
    (root / "..data").symlink_to("..2026")
    (root / "projected").symlink_to("..data/token")
    assert files.read(str(root / "projected")) == TOKEN


def second_name(root: Path) -> str:
    os.link(root.parent / "secret", root / "linked")
    return str(root / "linked")


def link_out(root: Path) -> str:
    (root / "link").symlink_to(root.parent / "secret")
    return str(root / "link")


def folder_that_leads_out(root: Path) -> str:
    (root / "folder").symlink_to(root.parent)
    return str(root / "folder" / "secret")


def pipe(root: Path) -> str:
    os.mkfifo(root / "pipe")
    return str(root / "pipe")


def unix_socket(root: Path) -> str:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "s"))
    return str(root / "s")


def large(root: Path) -> str:
    (root / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    return str(root / "large")


def environment_of_this_process(root: Path) -> str:
    (root / "link").symlink_to("/proc/self/environ")
    return str(root / "link")


def endless(root: Path) -> str:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    return str(root / "a")


@pytest.mark.parametrize(
    "path_of",
    [
        second_name, link_out, folder_that_leads_out, pipe, unix_socket, large, endless,
        environment_of_this_process,
        str, lambda root: f"{root}/", lambda root: str(root / "inner"),
        lambda root: f"{root}/../secret", lambda root: f"{root}/inner/../token",
        lambda root: str(root.parent / "secret"), lambda root: f"{root}-other/token",
        lambda root: "token", lambda root: "", lambda root: "/proc/self/environ",
        lambda root: "/etc/passwd", lambda root: f"{root}/token\0", lambda root: f"{root}/none",
        lambda root: f"{root}/token/more", lambda root: f"/proc/self/root{root}/token",
        lambda root: f"{root}/{'x' * 300}",
    ],
)  # fmt: skip
def test_what_leads_elsewhere_or_is_no_plain_file_is_refused(
    files: CredentialFiles, root: Path, path_of: Callable[[Path], str]
) -> None:
    with pytest.raises(CredentialFileError) as caught:
        files.read(path_of(root))
    assert "canary" not in str(caught.value)


def test_a_link_that_is_exchanged_after_the_check_is_not_followed(
    files: CredentialFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_open = credential_files._open_below

    def exchange_then_open(top: Path, parts: tuple[str, ...]) -> int:
        (root / "token").unlink()
        (root / "token").symlink_to(root.parent / "secret")
        return really_open(top, parts)

    monkeypatch.setattr(credential_files, "_open_below", exchange_then_open)
    with pytest.raises(CredentialFileError):
        files.read(str(root / "token"))


def test_a_folder_that_is_exchanged_after_the_check_is_not_followed(
    files: CredentialFiles, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "inner" / "secret").write_bytes(TOKEN)
    really_open = credential_files._open_below

    def exchange_then_open(top: Path, parts: tuple[str, ...]) -> int:
        (root / "inner").rename(root / "away")
        (root / "inner").symlink_to(root.parent)
        return really_open(top, parts)

    monkeypatch.setattr(credential_files, "_open_below", exchange_then_open)
    with pytest.raises(CredentialFileError):
        files.read(str(root / "inner" / "secret"))


def test_without_a_folder_there_are_no_files(root: Path, tmp_path: Path) -> None:
    files = CredentialFiles(None, tmp_path / "copies")
    with pytest.raises(CredentialFileError, match="LANDFORM_CREDENTIAL_FILES_ROOT"):
        files.read(str(root / "token"))


def test_no_descriptor_stays_open(files: CredentialFiles, root: Path) -> None:
    before = len([*Path("/proc/self/fd").iterdir()])
    for path in (root / "token", root / "inner", root / "none" / "deep", root / "inner" / "none"):
        try:
            files.read(str(path))
        except CredentialFileError:
            continue
    assert len([*Path("/proc/self/fd").iterdir()]) == before
