"""Modules are read as Terraform reads them, however they are laid out."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import HclSyntaxError, parse_blocks, read_blocks

VARIABLE = 'variable "a" {\n  type = string # why\n}\n'
TAGGED = """resource "a_b" "c" {
  user_data = <<-EOT
    hi ${var.x} %{if true}tags = none%{endif}
  EOT
  tags = merge(
    var.landform_tags,
    { Name = "x" },
  )
  dynamic "rule" {
    for_each = var.rules
    content {
      tags = rule.value
    }
  }
}
"""


@pytest.mark.parametrize(
    "text", [VARIABLE, VARIABLE.replace("\n", "\r\n"), "\ufeff" + VARIABLE, VARIABLE.rstrip()]
)
def test_line_ends_and_byte_order_marks_do_not_matter(tmp_path: Path, text: str) -> None:
    file = tmp_path / "x.tf"
    file.write_bytes(text.encode())
    diagnostics = Diagnostics()
    blocks = read_blocks(file, diagnostics)
    assert diagnostics.count() == 0
    assert [(b.type, b.name, b.line, b.attributes) for b in blocks] == [
        ("variable", "a", 1, {"type": "string"})
    ]


def test_only_arguments_of_the_block_itself_count() -> None:
    (block,) = parse_blocks(TAGGED, Path("x.tf"))
    assert block.labels == ("a_b", "c")
    assert block.attributes["tags"] == 'merge(var.landform_tags,{Name="x"},)'
    assert [child.type for child in block.blocks] == ["dynamic"]


@pytest.mark.parametrize(
    ("text", "line"), [("a = \n", 1), ('\n\nx "y" {\n', 4), ('a = "${', 1), ("\x00", 1)]
)
def test_broken_text_is_refused_near_its_line(text: str, line: int) -> None:
    with pytest.raises(HclSyntaxError) as caught:
        parse_blocks(text, Path("x.tf"))
    assert abs(caught.value.line - line) <= 1
