"""Every diagnostic an author can make is named with its file, its line and what to do."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.catalog.conftest import CatalogFolder
from tests.catalog.diagnostic_examples import (
    ALL,
    BUCKET,
    BUCKET_MAIN,
    CLOUD,
    GROUP,
    IN_BLUEPRINTS,
    IN_CLOUDS,
    IN_MODULES,
    NETWORK,
)


def keep_needed_kinds(folder: CatalogFolder, file: str) -> None:
    """Remove the kinds that the diagnostic in ``file`` has nothing to do with; saves time."""
    kind = file.split("/")[1] if file.startswith("blueprints/") else "network"
    needed = {kind, "network"} if kind == "machine-group" else {kind}
    for other in (folder.root / "blueprints").iterdir():
        if other.name not in needed:
            shutil.rmtree(other)


@pytest.mark.parametrize("name", ALL)
def test_a_mistake_is_named_with_file_and_line(folder: CatalogFolder, name: str) -> None:
    file, old, new, place, said = ALL[name]
    folder.replace(file, old, new)
    keep_needed_kinds(folder, file)
    found = [line for line in folder.diagnostics() if line.startswith(f"{file}:") and said in line]
    assert found, folder.diagnostics()
    if place:
        assert found[0].startswith(f"{file}:{folder.line_of(file, place)}: ")


def test_all_mistakes_of_all_files_are_reported_together_and_sorted(folder: CatalogFolder) -> None:
    for file, old, new, _, _ in (
        IN_BLUEPRINTS["default outside the bounds"],
        IN_BLUEPRINTS["example that is refused"],
        IN_BLUEPRINTS["unknown vocabulary"],
        IN_MODULES["resource without tags"],
        IN_CLOUDS["default region that is none"],
    ):
        folder.replace(file, old, new)
    folder.replace(CLOUD, "default_region: mars", "default_region: eu-west")
    diagnostics = folder.diagnostics()
    places = [(file, int(line)) for file, line, _ in (text.split(":", 2) for text in diagnostics)]
    assert [file for file, _ in places] == [BUCKET_MAIN, GROUP, NETWORK, NETWORK]
    assert places == sorted(places)


def test_a_ring_of_references_is_named_at_each_reference(folder: CatalogFolder) -> None:
    folder.replace(
        NETWORK,
        "  properties:\n",
        "  properties:\n    group:\n      type: string\n      title: G\n      description: D\n"
        "      x-references:\n        kind: machine-group\n        outputs: {size: group_size}\n",
    )
    folder.replace(
        "blueprints/network/sandbox/variables.tf",
        'variable "zones"',
        'variable "group_size" {\n  type = string\n}\n\nvariable "zones"',
    )
    line = folder.line_of(NETWORK, "kind: machine-group")
    other = folder.line_of(GROUP, "        kind: network")
    assert [text.split(" refers")[0] for text in folder.diagnostics()] == [
        f"{GROUP}:{other}: machine-group",
        f"{NETWORK}:{line}: network",
    ]


def test_a_second_folder_with_the_same_kind_is_refused(folder: CatalogFolder) -> None:
    shutil.copytree(folder.root / "blueprints/bucket", folder.root / "blueprints/pail")
    said = "\n".join(folder.diagnostics())
    for words in (
        "kind bucket is taken by",
        "plural buckets is taken by",
        "name the folder bucket",
    ):
        assert words in said
        assert "blueprints/pail/blueprint.yaml:" in said


def test_a_plural_that_two_kinds_want_is_refused(folder: CatalogFolder) -> None:
    folder.replace(NETWORK, "plural: networks", "plural: buckets")
    line = folder.line_of(NETWORK, "plural:")
    taken = folder.root / BUCKET
    assert folder.diagnostics() == [
        f"{NETWORK}:{line}: plural buckets is taken by {taken}; choose another"
    ]


def test_a_module_for_a_cloud_that_nobody_described_is_refused(folder: CatalogFolder) -> None:
    shutil.copytree(
        folder.root / "blueprints/bucket/sandbox", folder.root / "blueprints/bucket/mars"
    )
    assert folder.diagnostics() == [
        f"{BUCKET}:1: mars/ is not named after a known cloud; known are: sandbox"
    ]


def test_a_blueprint_that_no_cloud_implements_is_refused(folder: CatalogFolder) -> None:
    shutil.rmtree(folder.root / "blueprints/bucket/sandbox")
    assert folder.diagnostics() == [
        f"{BUCKET}:1: this kind has no module for any cloud; add a folder <cloud>/ with *.tf files"
    ]


def test_a_cloud_may_say_that_its_lock_file_has_no_hashes(folder: CatalogFolder) -> None:
    lock = folder.root / "clouds/sandbox.lock.hcl"
    text = lock.read_text(encoding="utf-8")
    folder.write("clouds/sandbox.lock.hcl", re.sub(r"(?s)  hashes = \[.*?\]\n", "", text))
    assert "has no version or no hashes here" in folder.diagnostics()[0]
    description = (folder.root / "clouds/sandbox.yaml").read_text(encoding="utf-8")
    folder.write("clouds/sandbox.yaml", f"{description}package_hashes: false\n")
    assert folder.load().cloud("sandbox").provider_lock == lock.read_bytes()


def test_what_cannot_carry_tags_says_in_its_description_whose_it_is(folder: CatalogFolder) -> None:
    rules = 'tags:\n  argument: tags\n  described: [sandbox_bucket]\n  separator: "-"\n'
    folder.replace("clouds/sandbox.yaml", "tags:\n  argument: tags\n", rules)
    said = (
        'sandbox_bucket.this does not say whose it is; put ${var.landform_tags["landform-stack"]}'
    )
    assert [line for line in folder.diagnostics() if said in line]
    line = '  name              = "${var.landform_name}-${local.suffix}"\n'
    mark = '  description = "landform-stack=${var.landform_tags["landform-stack"]}"\n'
    folder.replace("blueprints/bucket/sandbox/main.tf", line, line + mark)
    # Others carry tags, under the names that this cloud has for them.
    told = [line for line in folder.diagnostics() if "bucket" in line]
    assert told == []
    assert 'ignore_changes = [tags["landform-operation"]]' in "".join(folder.diagnostics())


def test_a_type_may_have_its_tags_in_a_block_under_another_name(folder: CatalogFolder) -> None:
    main, tags = "blueprints/bucket/sandbox/main.tf", "  tags              = var.landform_tags\n"
    folder.replace(main, tags, "  settings {\n    user_labels = var.landform_tags\n  }\n")
    folder.replace(main, 'tags["landform:operation"]', 'user_labels["landform:operation"]')
    assert "sandbox_bucket.this carries no tags; add tags = " in "".join(folder.diagnostics())
    rules = "tags:\n  argument: tags\n  argument_of: {sandbox_bucket: user_labels}\n"
    folder.replace("clouds/sandbox.yaml", "tags:\n  argument: tags\n", rules)
    assert "bucket" in folder.load().kinds


def test_a_cloud_without_a_lock_file_is_refused(folder: CatalogFolder) -> None:
    (folder.root / "clouds/sandbox.lock.hcl").unlink()
    assert "clouds/sandbox.lock.hcl:1: the dependency lock file is missing; write it with " in (
        "\n".join(folder.diagnostics())
    )


def test_a_folder_without_a_blueprint_file_is_refused(folder: CatalogFolder) -> None:
    (folder.root / BUCKET).unlink()
    assert folder.diagnostics() == [f"{BUCKET}:1: the file is missing; create it"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "the file is empty"),
        (b"# only a comment\n", "the file is empty"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"just text\n", "the file must be an object"),
        (b"[1, 2]\n", "the file must be an object"),
        (b"null\n", "the file must be an object"),
        (b"a: \x00\n", "not valid YAML"),
        (b"[" * 5000, "nested too deeply"),
        (b"a: " * 3, "not valid YAML"),
        (b"{" * 3000 + b"}" * 3000, "nested too deeply"),
    ],
)
def test_a_file_that_is_no_blueprint_is_refused(
    folder: CatalogFolder, content: bytes, said: str
) -> None:
    (folder.root / BUCKET).write_bytes(content)
    diagnostics = folder.diagnostics()
    assert len(diagnostics) == 1
    assert diagnostics[0].startswith(f"{BUCKET}:1: ")
    assert said.lower() in diagnostics[0].lower()


@pytest.mark.parametrize(
    "name",
    ["terraform.tfvars", "x.auto.tfvars.json", "x.tf.json", "terraform.tfstate", "x.tofu"],
)
def test_a_file_that_terraform_would_read_unchecked_is_refused(
    folder: CatalogFolder, name: str
) -> None:
    folder.write(f"blueprints/bucket/sandbox/{name}", "{}")
    assert folder.diagnostics() == [
        (
            f"blueprints/bucket/sandbox/{name}:1: Terraform would read this file unchecked; "
            "write plain *.tf files instead"
        )
    ]


def test_a_file_with_landforms_own_name_is_refused(folder: CatalogFolder) -> None:
    folder.write("blueprints/bucket/sandbox/landform_provider.tf", "")
    assert "rename the file" in folder.diagnostics()[0]


def test_a_module_without_any_file_is_refused(folder: CatalogFolder) -> None:
    for file in (folder.root / "blueprints/bucket/sandbox").iterdir():
        file.unlink()
    assert "blueprints/bucket/sandbox/main.tf:1: the module has no *.tf file; write one" in (
        folder.diagnostics()
    )


def test_a_root_without_anything_is_refused(tmp_path: Path) -> None:
    assert CatalogFolder(tmp_path).diagnostics() == [
        "blueprints:1: the folder is missing; create it",
        "clouds:1: there is no cloud; describe one in <cloud>.yaml here",
    ]


@pytest.mark.parametrize("keyword", ["immutable", "sensitive"])
def test_an_entry_of_a_list_cannot_be_frozen_or_kept_apart(
    folder: CatalogFolder, keyword: str
) -> None:
    folder.replace(
        BUCKET,
        "  properties:\n",
        "  properties:\n    rules:\n      type: array\n      title: R\n      description: D\n"
        f"      items:\n        type: string\n        {keyword}: true\n",
    )
    line = folder.line_of(BUCKET, f"        {keyword}: true")
    assert folder.diagnostics()[0] == (
        f"{BUCKET}:{line}: rules.items may not be {keyword} inside a list or a map; "
        "mark the whole of it"
    )


@pytest.mark.parametrize("keyword", ["x-variable: x", "x-references: {kind: a, outputs: {b: c}}"])
def test_a_nested_field_cannot_have_what_only_parameters_have(
    folder: CatalogFolder, keyword: str
) -> None:
    folder.replace(
        BUCKET,
        "  properties:\n",
        "  properties:\n    rule:\n      type: object\n      title: R\n      description: D\n"
        f"      properties:\n        inner:\n          type: string\n          {keyword}\n",
    )
    line = folder.line_of(BUCKET, f"          {keyword}")
    assert folder.diagnostics()[0].startswith(
        f"{BUCKET}:{line}: rule.properties.inner may not use x-"
    )


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ("{type: array, title: T, description: D}", "add items"),
        ("{type: object, title: T, description: D}", "either properties or additionalProperties"),
        (
            "{type: string, $ref: x, title: T, description: D}",
            "$ref must be #/$defs/<name> of a definition here",
        ),
        ("{type: [], title: T, description: D}", "must have one type of"),
        ('{type: ["null"], title: T, description: D}', "must have one type of"),
        ("{title: T, description: D}", "type is required"),
        ("text", "must be an object"),
        ("null", "must be an object"),
    ],
)
def test_a_schema_that_says_too_little_is_refused(
    folder: CatalogFolder, schema: str, said: str
) -> None:
    folder.replace(BUCKET, "  properties:\n", f"  properties:\n    extra: {schema}\n")
    line = folder.line_of(BUCKET, "    extra:")
    diagnostics = folder.diagnostics()
    assert diagnostics[0].startswith(f"{BUCKET}:{line}: ")
    assert said in diagnostics[0]


def test_a_secret_output_must_be_secret_in_the_module_too(folder: CatalogFolder) -> None:
    folder.replace(
        BUCKET, "description: Address of the bucket.", "description: A.\n    sensitive: true"
    )
    file = "blueprints/bucket/sandbox/outputs.tf"
    line = folder.line_of(file, 'output "url"')
    assert folder.diagnostics() == [f"{file}:{line}: output url is a secret; add sensitive = true"]
