"""Terraform is found in the documented order, or its absence is said in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.terraform.discovery import TerraformBinary, discover
from app.terraform.terraform_errors import TerraformMissingError


def place(folder: Path, name: str, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_the_setting_wins_over_the_machine(tmp_path: Path) -> None:
    named = place(tmp_path / "a", "mine", "echo OpenTofu v1.9.0")
    place(tmp_path / "b", "terraform", "echo Terraform v1.5.7")
    found = discover(str(named), search_path=str(tmp_path / "b"))
    assert (found.path, found.flavor, found.version) == (named, "opentofu", "1.9.0")


def test_terraform_wins_over_tofu_and_tofu_over_the_wheel(tmp_path: Path) -> None:
    tofu = place(tmp_path, "tofu", "echo OpenTofu v1.9.0-rc1")
    found = discover("", search_path=str(tmp_path))
    assert (found.path, found.flavor, found.version) == (tofu, "opentofu", "1.9.0-rc1")
    terraform = place(tmp_path, "terraform", "echo Terraform v1.5.7")
    assert discover("", search_path=str(tmp_path)).path == terraform


def test_without_an_executable_the_wheel_is_used(
    tmp_path: Path, library_binary: TerraformBinary
) -> None:
    assert discover("", search_path=str(tmp_path)) == library_binary
    assert library_binary.flavor == "terraform"


def test_nothing_at_all_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(TerraformMissingError, match="install one, set LANDFORM_TERRAFORM"):
        discover("", search_path=str(tmp_path))


def test_a_setting_that_leads_nowhere_is_said(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("x")
    for setting in (str(tmp_path / "absent"), str(tmp_path / "data"), str(tmp_path)):
        with pytest.raises(TerraformMissingError, match="LANDFORM_TERRAFORM is"):
            discover(setting)


@pytest.mark.parametrize("script", ["echo hello", "exit 3", "kill -9 $$", "echo Terraform vX"])
def test_a_program_that_is_no_terraform_is_said(tmp_path: Path, script: str) -> None:
    path = place(tmp_path, "terraform", script)
    with pytest.raises(TerraformMissingError, match="does not answer"):
        discover(str(path))


def test_a_file_that_cannot_be_executed_is_said(tmp_path: Path) -> None:
    path = place(tmp_path, "terraform", "")
    path.write_bytes(b"\x7fELF broken")
    with pytest.raises(TerraformMissingError):
        discover(str(path))
