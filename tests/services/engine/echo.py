"""A kind that gives back what it was given, with parameters of every type; needs no cloud."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.catalog.versions import STANDARD

SHIPPED = Path(__file__).parents[3] / "terraform"
BLUEPRINT = """
kind: echo
plural: echoes
version: 1.0.0
title: Echo
description: Gives back what it was given.
parameters:
  required: [entries]
  properties:
    entries:
      type: array
      title: Entries
      description: What is given back.
      items:
        type: object
        required: [text, whole, real, flag, maybe, words, pairs, inner]
        properties:
          text: {type: string}
          whole: {type: integer}
          real: {type: number}
          flag: {type: boolean}
          maybe: {type: [string, "null"]}
          words: {type: array, items: {type: string}}
          pairs: {type: object, additionalProperties: {type: string}}
          inner:
            type: object
            required: [ports, note]
            properties:
              ports: {type: array, items: {type: integer}}
              note: {type: string}
    hidden:
      type: object
      title: Hidden
      description: Given back as a secret.
      properties:
        open: {type: string}
        closed: {type: string, sensitive: true}
outputs:
  entries:
    type: array
    items: {type: object}
    description: The same.
  hidden:
    type: [object, "null"]
    description: The same.
    sensitive: true
"""
MODULE = """
variable "entries" {
  type = list(object({
    text  = string
    whole = number
    real  = number
    flag  = bool
    maybe = string
    words = list(string)
    pairs = map(string)
    inner = object({ ports = list(number), note = string })
  }))
}

variable "hidden" {
  type      = object({ open = optional(string), closed = optional(string) })
  sensitive = true
}

resource "terraform_data" "this" {
  input = var.entries
}

output "entries" {
  description = "The same."
  value       = terraform_data.this.output
}

output "hidden" {
  description = "The same."
  value       = var.hidden
  sensitive   = true
}
"""


def write_echo(folder: Path) -> Path:
    """Copy the shipped catalog to ``folder`` and add the kind; return ``folder``."""
    shutil.copytree(SHIPPED, folder)
    module = folder / "blueprints/echo/sandbox"
    module.mkdir(parents=True)
    (module.parent / "blueprint.yaml").write_text(BLUEPRINT)
    (module / "main.tf").write_text(STANDARD + MODULE)
    return folder
