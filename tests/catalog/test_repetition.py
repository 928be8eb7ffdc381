"""What ``for_each`` and ``count`` go by is known before anything exists.

Terraform knows the keys of another resource when it plans, but not when it imports: the adoption of
an orphan, and the destroy that resolves an interruption, then end with "Invalid for_each argument".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import hcl2
import pytest
from hcl2.query import DocumentView

from tests.catalog.conftest import DOC, EXAMPLE, SHIPPED

BUILT_IN = {"each", "path", "terraform", "var"}
PLAIN_STRING = re.compile(r'"(?:[^"\\$%]|\\.|[$%](?!\{))*"')
WORD = re.compile(r"(?<![\w.\"-])([a-z_][\w-]*)\.([\w-]+)")
BOUND = re.compile(r"\bfor\s+(\w+)(?:\s*,\s*(\w+))?\s+in\b")
# What stacks have must not change. An import of one of these has to wait for the upgrade.
PUBLISHED = {
    ("network", "1.0.0", "aws_route_table_association.this"),
    ("cluster", "1.1.0", "aws_iam_role.disks"),
    ("cluster", "1.1.0", "aws_iam_role_policy_attachment.disks"),
}


@dataclass(frozen=True)
class Block:
    """One block, with the text of each of its arguments as it stands there."""

    type: str
    address: str
    arguments: dict[str, str]


def parse(text: str) -> list[Block]:
    return [
        Block(
            block.block_type,
            ".".join(block.name_labels),
            {item.name: item.to_hcl().partition("=")[2] for item in block.attributes()},
        )
        for block in DocumentView(hcl2.parses(text)).blocks()
    ]


def unknown_in(blocks: list[Block]) -> dict[str, str]:
    """Return what repeats by what is not known yet: address, and what it goes by."""
    known = {
        name: text
        for block in blocks
        if block.type == "locals"
        for name, text in block.arguments.items()
    }
    return {
        block.address: name
        for block in blocks
        if block.type in ("resource", "data")
        for argument in ("for_each", "count")
        for name in _unknown(block.arguments.get(argument, ""), known)
    }


def _unknown(expression: str, known: dict[str, str]) -> Iterator[str]:
    """Yield what an expression names beside variables, through all locals."""
    bound = {name for found in BOUND.findall(expression) for name in found if name}
    for root, name in WORD.findall(PLAIN_STRING.sub('""', expression)):
        if root == "local":
            yield from _unknown(known[name], known)
        elif root not in BUILT_IN | bound:
            yield f"{root}.{name}"


def modules() -> Iterator[tuple[str, str, Path]]:
    for file in sorted(SHIPPED.glob("blueprints/**/blueprint.yaml")):
        version = re.search(r"(?m)^version: (\S+)$", file.read_text(encoding="utf-8"))
        assert version
        kind = file.relative_to(SHIPPED / "blueprints").parts[0]
        for folder in sorted({path.parent for path in file.parent.glob("*/*.tf")}):
            yield kind, version[1], folder


def test_no_module_repeats_by_what_is_not_known_yet() -> None:
    found, seen = set(), 0
    for kind, version, folder in modules():
        blocks = [
            block
            for file in sorted(folder.glob("*.tf"))
            for block in parse(file.read_text(encoding="utf-8"))
        ]
        seen += sum("for_each" in block.arguments for block in blocks)
        found |= {(kind, version, address) for address in unknown_in(blocks)}
    assert found == PUBLISHED
    assert seen > len(PUBLISHED), "modules do repeat"


def test_the_example_of_the_documentation_repeats_by_nothing_unknown() -> None:
    texts = [text for name, text in EXAMPLE.findall(DOC) if name.endswith(".tf")]
    assert not unknown_in([block for text in texts for block in parse(text)])


@pytest.mark.parametrize(
    ("expression", "named"),
    [
        ("aws_subnet.this", "aws_subnet.this"),
        ("data.aws_iam_policy_document.this", "data.aws_iam_policy_document"),
        ("length(aws_subnet.this[*].id)", "aws_subnet.this"),
        ("local.far", "aws_vpc.this"),
        ('{ for key, item in aws_subnet.this : "${key}.x" => item.id }', "aws_subnet.this"),
        ('toset(["x-${aws_vpc.this.id}"])', "aws_vpc.this"),
        ("var.zones", None),
        ("local.near", None),
        ('{ for key, item in var.zones : key => "a.b ${item.c}" }', None),
        ('var.is_wanted ? toset(["aws_vpc.this"]) : toset([])', None),
    ],
)
def test_what_an_expression_goes_by_is_found_through_locals(
    expression: str, named: str | None
) -> None:
    text = (
        "locals {\n  near = var.zones\n  far = local.next\n  next = { a = aws_vpc.this.id }\n}\n"
        f'resource "some_thing" "this" {{\n  for_each = {expression}\n}}\n'
    )
    assert unknown_in(parse(text)) == ({"some_thing.this": named} if named else {})
