"""Checks the Terraform module of a blueprint: variables, outputs, tags, and who may say what.

Owns the contract between a blueprint and its HCL. What HCL means is for ``terraform validate``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from app.catalog.blueprint import STANDARD_VARIABLES
from app.catalog.blueprint_draft import BlueprintDraft, ExpectedVariable
from app.catalog.cloud import Cloud
from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import Block, ModuleSource
from app.catalog.providers import check_providers
from app.domain.resource_names import STACK_TAG

HCL_TYPES = {"string": "string", "boolean": "bool", "integer": "number", "number": "number"}
OPERATION_TAG = "landform:operation"
# Files that Terraform would read although the checks below could not see into them.
UNSEEN_SUFFIXES = (".tf.json", ".tfvars", ".tfvars.json", ".tfstate", ".tofu", ".tofu.json")


def check_module(
    draft: BlueprintDraft, cloud: Cloud, source: ModuleSource, diagnostics: Diagnostics
) -> None:
    """Note everything that is wrong with the module of ``draft`` for ``cloud``."""
    _check_files(source.folder, diagnostics)
    _check_variables(draft, cloud, source, diagnostics)
    _check_outputs(draft, cloud, source, diagnostics)
    check_providers(source, cloud.provider_sources, diagnostics)
    for block in source.of_type("terraform", "provider"):
        message = f"the {block.type} block belongs in the cloud's description; remove it here"
        diagnostics.add(block.file, block.line, message)
    for block in source.of_type("resource"):
        for message in _tag_faults(block, cloud):
            diagnostics.add(block.file, block.line, message)


def _check_files(folder: Path, diagnostics: Diagnostics) -> None:
    names = sorted(file.name for file in folder.iterdir())
    if not any(name.endswith(".tf") for name in names):
        diagnostics.add(folder / "main.tf", 1, "the module has no *.tf file; write one")
    for name in names:
        if name.endswith(UNSEEN_SUFFIXES):
            message = "Terraform would read this file unchecked; write plain *.tf files instead"
            diagnostics.add(folder / name, 1, message)
        if name.startswith("landform"):
            message = "names that start with landform are Landform's own; rename the file"
            diagnostics.add(folder / name, 1, message)


def _check_variables(
    draft: BlueprintDraft, cloud: Cloud, source: ModuleSource, diagnostics: Diagnostics
) -> None:
    declared = source.named("variable")
    expected = draft.expected_variables()
    for name in STANDARD_VARIABLES:
        if name not in declared:
            message = f'the standard variable is missing; add variable "{name}"'
            diagnostics.add(source.folder / "variables.tf", 1, message)
    for variable in expected:
        if variable.name in declared:
            for message in _variable_faults(variable, declared[variable.name]):
                diagnostics.add(*_place(declared[variable.name]), message)
        else:
            message = f'the module for {cloud.name} lacks it; add variable "{variable.name}" there'
            diagnostics.add(draft.document.file, draft.line(*variable.path), message)
    fed = {*STANDARD_VARIABLES, *(variable.name for variable in expected)}
    for name, block in declared.items():
        if name not in fed and "default" not in block.attributes:
            message = (
                f"nothing fills variable {name}; make it a parameter of the blueprint, "
                "or give it a default"
            )
            diagnostics.add(*_place(block), message)


def _variable_faults(variable: ExpectedVariable, block: Block) -> Iterator[str]:
    name, hcl_type = block.name, block.attributes.get("type")
    if hcl_type is None:
        yield f"variable {name} has no type; add one"
    schema = variable.schema
    if schema is None:
        can_be_null = not variable.is_required
    else:
        types = _types(schema)
        wanted = HCL_TYPES.get(types[0])
        if hcl_type is not None and wanted is not None and hcl_type != wanted:
            yield f"variable {name} is {hcl_type} but its parameter is {types[0]}; use {wanted}"
        if schema.get("sensitive") and block.attributes.get("sensitive") != "true":
            yield f"variable {name} takes a secret; add sensitive = true"
        is_filled = variable.is_required or "default" in schema or "x-generate" in schema
        can_be_null = "null" in types or not is_filled
    if can_be_null and block.attributes.get("nullable") == "false":
        yield f"variable {name} is null when its parameter is left out; remove nullable = false"


def _types(schema: Any) -> list[str]:
    """Return the types of ``schema``, ``null`` last."""
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    return sorted(types, key=lambda name: name == "null")


def _check_outputs(
    draft: BlueprintDraft, cloud: Cloud, source: ModuleSource, diagnostics: Diagnostics
) -> None:
    declared = source.named("output")
    for name, spec in draft.outputs.items():
        if name not in declared:
            message = f'the module for {cloud.name} lacks it; add output "{name}" there'
            diagnostics.add(draft.document.file, draft.line("outputs", name), message)
        elif spec.get("sensitive") and declared[name].attributes.get("sensitive") != "true":
            message = f"output {name} is a secret; add sensitive = true"
            diagnostics.add(*_place(declared[name]), message)
    for name, block in declared.items():
        if name not in draft.outputs:
            message = f"output {name} is not in the blueprint; describe it there or remove it"
            diagnostics.add(*_place(block), message)


def _tag_faults(block: Block, cloud: Cloud) -> Iterator[str]:
    argument = cloud.tags.arguments.get(block.labels[0], cloud.tags.argument)
    address = ".".join(block.labels)
    if block.labels[0] in cloud.tags.untaggable:
        return
    if block.labels[0] in cloud.tags.described:
        mark = f'var.landform_tags["{cloud.tags.key(STACK_TAG)}"]'
        if mark not in block.attributes.get("description", ""):
            yield f"{address} does not say whose it is; put ${{{mark}}} into its description"
        return
    is_nested = block.labels[0] in cloud.tags.arguments
    if not _carries_tags(block, argument, is_nested=is_nested):
        yield f"{address} carries no tags; add {argument} = var.landform_tags"
    ignored = [
        child.attributes.get("ignore_changes", "")
        for child in block.blocks
        if child.type == "lifecycle"
    ]
    rule = f'{argument}["{cloud.tags.key(OPERATION_TAG)}"]'
    if not any(rule in text for text in ignored):
        yield (
            f"{address} would change with every operation; "
            f"add lifecycle {{ ignore_changes = [{rule}] }}"
        )


def _carries_tags(block: Block, argument: str, *, is_nested: bool) -> bool:
    if argument in block.attributes:
        return "var.landform_tags" in block.attributes[argument]
    return is_nested and any(
        _carries_tags(child, argument, is_nested=True) for child in block.blocks
    )


def _place(block: Block) -> tuple[Path, int]:
    return block.file, block.line
