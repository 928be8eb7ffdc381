"""docs/sandbox.md names everything there is, and its Terraform example works."""

from __future__ import annotations

import re

from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.service.errors import SandboxError
from sandbox.service.problems import HTTP_CODES
from sandbox.service.schemas import FaultsSchema
from tests.sandbox.conftest import Terraform
from tests.sandbox_cloud import ROOT, Cloud

DOCS = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_every_type_attribute_fault_and_error_code_is_documented() -> None:
    names = {*RESOURCE_TYPES, *FaultsSchema().fields, *HTTP_CODES.values()}
    names |= {error.code for error in SandboxError.__subclasses__()}
    for resource_type in RESOURCE_TYPES.values():
        names |= {attribute.name for attribute in resource_type.attributes}

    assert {name for name in names if not re.search(rf"\b{name}\b", DOCS)} == set()


def test_the_documented_example_is_ready_to_run(terraform: Terraform, cloud: Cloud) -> None:
    example = re.search(r"```hcl\n(.*?)```", DOCS, re.DOTALL)
    assert example is not None
    (terraform.folder / "main.tf").write_text(example[1])
    assert terraform.run("init", "-input=false").code == 0

    terraform.apply_ok()

    assert terraform.plan().code == 0
    assert len(cloud.list()) == 4
