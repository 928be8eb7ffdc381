"""Terraform's files are read as untrusted input."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.domain.state_errors import StateError
from app.storage.run_reading import read_plain


def test_a_plain_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "state").write_bytes(b"{}")
    assert read_plain(tmp_path / "state") == b"{}"
    with pytest.raises(FileNotFoundError):
        read_plain(tmp_path / "absent")


def lead_to_secret(path: Path, secret: Path) -> None:
    path.symlink_to(secret)


def be_the_secret(path: Path, secret: Path) -> None:
    os.link(secret, path)


def wait_for_ever(path: Path, _secret: Path) -> None:
    os.mkfifo(path)


def be_a_folder(path: Path, _secret: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize("make", [lead_to_secret, be_the_secret, wait_for_ever, be_a_folder])
def test_what_is_no_plain_file_is_not_read(
    tmp_path: Path, make: Callable[[Path, Path], None]
) -> None:
    secret, path = tmp_path / "secret", tmp_path / "state"
    secret.write_bytes(b"{}")
    make(path, secret)
    with pytest.raises(StateError, match="not a plain file"):
        read_plain(path)
