"""Manifests are read as they are meant, and whatever is wrong with one is said."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from landform_client.manifests import MAX_BYTES, ManifestError, read_manifests

WEB = "kind: network\nname: web\ncloud_account: sandbox\n"


def read(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "m.yaml"
    file.write_text(text)
    return [item.title for item in read_manifests([str(file)], "default")]


def test_files_folders_lists_and_json_are_read_in_their_order(tmp_path: Path) -> None:
    more = "---\n# nothing\n---\nstacks:\n- {kind: a, name: b, cloud_account: c}\n"
    (tmp_path / "b.yml").write_text(WEB + more)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "c.json").write_text('{"kind": "k", "name": "n", "cloud_account": "s"}')
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.yaml").write_text("no: stack")
    (tmp_path / "notes.txt").write_text("no stack")
    found = read_manifests([str(tmp_path)], "shop")
    assert [item.title for item in found] == ["network/web", "a/b", "k/n"]
    assert {item.project for item in found} == {"shop"}


def test_standard_input_is_a_file_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(WEB.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert [item.name for item in read_manifests(["-"], "default")] == ["web"]


def test_values_are_what_people_wrote(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text(
        WEB + "expires_at: 2026-12-31T00:00:00Z\nparameters:\n"
        "  exact: 0.1234567890123456789012345\n  half: 0.5\n  big: 12345678901234567890\n"
    )
    (stack,) = read_manifests([str(file)], "default")
    assert stack.settings == {"expires_at": "2026-12-31T00:00:00Z"}
    assert stack.parameters == {
        "exact": Decimal("0.1234567890123456789012345"),
        "half": 0.5,
        "big": 12345678901234567890,
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "There is no stack"),
        ("- a", "is a mapping"),
        ("kind: network", "has no name"),
        (WEB + "colour: red", "no field colour"),
        (WEB + "parameters: [1]", "must be a mapping"),
        (WEB + "parameters: {1: 2}", "must be a mapping"),
        (WEB + "labels: {a: 1}", "in quotes"),
        (WEB + "labels: [a]", "in quotes"),
        (WEB + "region: 7", "region must be a text"),
        (WEB + "name: other", "name is there twice"),
        (WEB + "---\n" + WEB, "Name each stack once"),
        ("stacks: 1", "stacks must be a list"),
        ("stacks: [1]", "is a mapping"),
        ("a: [", "it is no YAML"),
        ("a: !!python/object/apply:os.system ['true']", "it is no YAML"),
        ("[" * 5000, "it is no YAML"),
        ("a: &a [1]\nb: [" + "*a, " * 200 + "]", "aliases"),
        ("a: \x00", "it is no YAML"),
        ("? [a]\n: b", "it is no YAML|no field|is a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_the_file(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ManifestError, match=said):
        read(tmp_path, text)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"none\.yaml: No such file"):
        read_manifests([str(tmp_path / "none.yaml")], "default")
    latin = tmp_path / "latin.yaml"
    latin.write_bytes(b"name: caf\xe9")
    with pytest.raises(ManifestError, match="UTF-8"):
        read_manifests([str(latin)], "default")
    large = tmp_path / "large.yaml"
    large.write_text("#" * (MAX_BYTES + 1))
    with pytest.raises(ManifestError, match="more than 4 MiB"):
        read_manifests([str(large)], "default")
