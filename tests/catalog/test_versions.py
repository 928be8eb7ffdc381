"""Versions of a blueprint side by side: found, ordered, checked."""

from __future__ import annotations

import shutil

import pytest

from app.errors import BlueprintMissingError
from tests.catalog.conftest import CatalogFolder
from tests.catalog.versions import write_two_versions, write_version

NOTE = "blueprints/note/blueprint.yaml"
OLD = "blueprints/note/versions/1.0.0/blueprint.yaml"


@pytest.fixture
def notes(folder: CatalogFolder) -> CatalogFolder:
    write_two_versions(folder.root)
    return folder


def test_the_newest_version_is_the_kind_and_all_of_them_are_there(notes: CatalogFolder) -> None:
    write_version(notes.root / "blueprints/note/versions/1.10.0", "1.10.0")
    write_version(notes.root / "blueprints/note/versions/1.9.0", "1.9.0")
    catalog = notes.load()
    assert catalog.kind("note").version == "2.0.0"
    assert list(catalog.versions["note"]) == ["2.0.0", "1.10.0", "1.9.0", "1.0.0"]
    assert list(catalog.versions["network"]) == ["1.1.0"]
    old = catalog.blueprint("note", "1.0.0")
    assert set(old.parameters["properties"]) == {"text", "colour"}
    assert old.module_dir("sandbox") == notes.root / "blueprints/note/versions/1.0.0/sandbox"


@pytest.mark.parametrize(("kind", "version"), [("note", "3.0.0"), ("note", ""), ("no", "1.0.0")])
def test_a_version_that_is_not_there_is_told_with_those_that_are(
    notes: CatalogFolder, kind: str, version: str
) -> None:
    catalog = notes.load()
    assert catalog.find(kind, version) is None
    with pytest.raises(BlueprintMissingError, match="2.0.0, 1.0.0" if kind == "note" else "none"):
        catalog.blueprint(kind, version)


def test_each_version_has_a_digest_of_its_own(notes: CatalogFolder) -> None:
    before = notes.load().versions["note"]
    notes.replace(OLD, "description: A text.", "description: Some text.")
    after = notes.load().versions["note"]
    assert before["2.0.0"].digest == after["2.0.0"].digest
    assert before["1.0.0"].digest != after["1.0.0"].digest


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        (OLD, "version: 1.0.0", "version: 1.0.1", "its folder is not; name it 1.0.1"),
        (OLD, "kind: note", "kind: memo", "kind is note in"),
        (OLD, "plural: notes", "plural: memos", "plural is notes in"),
        (NOTE, "version: 2.0.0", "version: 0.9.0", "1.0.0 is not older than 0.9.0"),
        (NOTE, "version: 2.0.0", "version: 1.0.0", "1.0.0 is not older than 1.0.0"),
        (NOTE, "title:", "downgrade_to: [1.5.0]\ntitle:", "there is no other version 1.5.0"),
        (NOTE, "title:", "downgrade_to: [2.0.0]\ntitle:", "there is no other version 2.0.0"),
        (NOTE, "title:", "downgrade_to: [older]\ntitle:", "must be a semantic version"),
        (OLD, "title:", "downgrade_to: [2.0.0]\ntitle:", "needs no permission"),
        (OLD, "type: string", "type: strng", "must have one type"),
        (OLD, "outputs:\n  text", "outputs:\n  words", "add output"),
    ],
)
def test_a_mistake_in_a_version_is_named_with_its_file(
    notes: CatalogFolder, file: str, old: str, new: str, complaint: str
) -> None:
    path = notes.root / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    assert [line for line in notes.diagnostics() if complaint in line]


def test_an_earlier_version_without_modules_is_a_mistake(notes: CatalogFolder) -> None:
    shutil.rmtree(notes.root / "blueprints/note/versions/1.0.0/sandbox")
    assert any("this kind has no module for any cloud" in line for line in notes.diagnostics())


def test_an_earlier_version_may_take_an_output_that_only_an_earlier_version_has(
    folder: CatalogFolder,
) -> None:
    network = folder.root / "blueprints/network"
    shutil.copytree(network, folder.root / "kept")
    shutil.move(folder.root / "kept", network / "versions/1.1.0")
    folder.replace("blueprints/network/blueprint.yaml", "version: 1.1.0", "version: 2.0.0")
    group = folder.root / "blueprints/machine-group"
    shutil.copytree(group, folder.root / "kept")
    shutil.move(folder.root / "kept", group / "versions/1.1.0")
    folder.replace("blueprints/machine-group/blueprint.yaml", "version: 1.1.0", "version: 2.0.0")
    for file in ("blueprint.yaml", "sandbox/outputs.tf"):
        text = (network / file).read_text(encoding="utf-8")
        (network / file).write_text(text.replace("gateway_address", "gateway"), encoding="utf-8")
    main = network / "sandbox/outputs.tf"
    main.write_text(main.read_text().replace("this.gateway\n", "this.gateway_address\n"))
    old = "blueprints/machine-group/versions/1.1.0/"
    folder.replace(
        f"{old}blueprint.yaml",
        "          subnet_ids:",
        "          gateway_address: gw\n          subnet_ids:",
    )
    folder.replace(
        f"{old}sandbox/variables.tf",
        'variable "network_id"',
        'variable "gw" {\n  type = string\n}\n\nvariable "network_id"',
    )
    folder.load()
    folder.replace(f"{old}blueprint.yaml", "gateway_address: gw", "gatway: gw")
    assert any("network has no output gatway" in line for line in folder.diagnostics())
