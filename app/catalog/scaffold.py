"""The files of a new kind, for an author to start from: complete, valid, and easy to replace.

Its module keeps one value with ``terraform_data``, which is built into Terraform, so the kind loads
and runs on every cloud before its author has written the first resource.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from app.errors import ValidationError

BLUEPRINT = """\
kind: {kind}
plural: {plural}
version: 1.0.0
title: {title}
description: Say in one sentence what people get.

parameters:
  required: [label]
  properties:
    label:
      type: string
      title: Label
      description: Say what it is and what a change of it does.
      minLength: 1
      maxLength: 40

outputs:
  label:
    type: string
    description: Say what others can do with it.
"""
VARIABLES = """\
variable "landform_name" {
  description = "Name of the stack."
  type        = string
}

variable "landform_region" {
  description = "Region, as the cloud calls it."
  type        = string
}

variable "landform_zones" {
  description = "Zones of the region, as the cloud calls them."
  type        = list(string)
}

variable "landform_tags" {
  description = "Tags that every resource carries."
  type        = map(string)
}

variable "label" {
  description = "Say what it is."
  type        = string
  nullable    = false
}
"""
MAIN = """\
# Replace this by resources of the cloud. Each carries var.landform_tags and ignores changes of the
# tag landform:operation; see docs/blueprints.md.
resource "terraform_data" "this" {
  input = var.label
}

output "label" {
  description = "Say what others can do with it."
  value       = terraform_data.this.output
}
"""


def write_scaffold(
    blueprints: Path, kind: str, plural: str, title: str, clouds: Iterable[str]
) -> list[Path]:
    """Write a new kind with a module for each cloud, and return its files.

    Args:
        blueprints: the folder ``terraform/blueprints``.
        kind: its neutral name; also that of its folder.
        plural: its REST collection.
        title: what people read.
        clouds: names of clouds.

    Raises:
        ValidationError: the folder is there already.
    """
    folder = blueprints / kind
    texts = {folder / "blueprint.yaml": BLUEPRINT.format(kind=kind, plural=plural, title=title)}
    for cloud in clouds:
        texts |= {folder / cloud / "variables.tf": VARIABLES, folder / cloud / "main.tf": MAIN}
    if folder.exists():
        raise ValidationError(f"{folder} is there already; choose another kind.")
    for file, text in texts.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    return list(texts)
