"""Definitions that several parameters share: ``$defs`` and ``$ref``."""

from __future__ import annotations

import pytest

from app.errors import ValidationError
from tests.catalog.conftest import BUCKET, CatalogFolder

RULES = """
rules:
  type: array
  title: Rules
  description: Who may come in.
  items: {$ref: "#/$defs/rule"}
first:
  $ref: "#/$defs/rule"
  title: First
  description: The first rule.
  immutable: true
"""
DEFS = """parameters:
  $defs:
    port:
      type: integer
      minimum: 1
      maximum: 65535
    rule:
      type: object
      required: [from]
      properties:
        from: {type: string, format: cidr}
        port:
          $ref: "#/$defs/port"
          default: 443
"""


@pytest.fixture
def rules(folder: CatalogFolder) -> CatalogFolder:
    folder.add_parameter(RULES, {"rules": "list(any)", "first": "any"})
    folder.replace(BUCKET, "parameters:\n", DEFS)
    return folder


def test_a_definition_stands_wherever_it_is_named(rules: CatalogFolder) -> None:
    bucket = rules.load().kind("bucket")
    done = bucket.validate(
        {"rules": [{"from": "10.0.0.0/8"}], "first": {"from": "::/0", "port": 1}}
    )
    assert done["rules"] == [{"from": "10.0.0.0/8", "port": 443}]
    with pytest.raises(ValidationError) as caught:
        bucket.validate({"rules": [{"from": "x", "port": 0}, {}]})
    assert [item.pointer for item in caught.value.problems] == [
        *("/parameters/rules/0/from", "/parameters/rules/0/port", "/parameters/rules/1/from")
    ]
    shown = bucket.parameters
    assert "$defs" not in shown
    assert shown["properties"]["first"]["properties"]["port"]["maximum"] == 65535
    assert shown["properties"]["first"]["x-immutable"] is True
    assert bucket.immutable_changes({}, {"first": {"from": "::/0"}}) == ["/parameters/first"]


def test_a_default_may_hold_what_looks_like_a_reference(rules: CatalogFolder) -> None:
    rules.replace(
        BUCKET,
        "        from: {type: string, format: cidr}\n",
        "        from: {type: string, format: cidr}\n"
        "        more:\n"
        "          type: object\n"
        "          additionalProperties: {type: string}\n"
        '          default: {$ref: "#/$defs/port"}\n',
    )
    done = rules.load().kind("bucket").validate({"first": {"from": "::/0"}})
    assert done["first"]["more"] == {"$ref": "#/$defs/port"}


@pytest.mark.parametrize(
    ("old", "new", "line", "complaint"),
    [
        ('items: {$ref: "#/$defs/rule"}', 'items: {$ref: "#/$defs/rul"}', 'rul"', "port, rule"),
        ('items: {$ref: "#/$defs/rule"}', "items: {$ref: other.yaml}", "other", "$ref must be"),
        ('items: {$ref: "#/$defs/rule"}', "items: {$ref: 5}", "$ref: 5", "$ref must be"),
        (
            'items: {$ref: "#/$defs/rule"}',
            'items: {$ref: "https://example.org/x"}',
            "https",
            "$ref must be",
        ),
        ("title: First", "title: First\n      minProperties: 1", "minProp", "has no place beside"),
        ("maximum: 65535", "maximum: many", "maximum: many", "maximum must be a number"),
        ("format: cidr", "format: cdir", "format: cdir", "must be one of: cidr"),
        (
            "    port:\n      type: integer",
            "    spare: {type: string}\n    port:\n      type: integer",
            "spare",
            "nothing refers to the definition spare",
        ),
    ],
)
def test_a_wrong_reference_or_definition_is_named_with_its_own_line(
    rules: CatalogFolder, old: str, new: str, line: str, complaint: str
) -> None:
    text = (rules.root / BUCKET).read_text(encoding="utf-8")
    assert old in text
    (rules.root / BUCKET).write_text(text.replace(old, new, 1), encoding="utf-8")
    found = [text for text in rules.diagnostics() if complaint in text]
    assert found, rules.diagnostics()
    lines = (rules.root / BUCKET).read_text().splitlines()
    numbers = [number for number, content in enumerate(lines, 1) if line in content]
    assert any(found[0].startswith(f"{BUCKET}:{number}:") for number in numbers), found


def test_definitions_in_a_ring_are_a_mistake_not_a_hang(rules: CatalogFolder) -> None:
    rules.replace(
        BUCKET,
        "      maximum: 65535\n",
        '      maximum: 65535\n    a: {$ref: "#/$defs/b"}\n'
        '    b:\n      type: object\n      properties: {x: {$ref: "#/$defs/a"}}\n',
    )
    rules.replace(BUCKET, 'items: {$ref: "#/$defs/rule"}', 'items: {$ref: "#/$defs/a"}')
    assert any("contains itself" in line for line in rules.diagnostics())


def test_definitions_that_multiply_are_a_mistake_not_a_full_memory(rules: CatalogFolder) -> None:
    levels = "".join(
        f"    l{n}:\n      type: object\n      properties:\n"
        + "".join(f'        p{m}: {{$ref: "#/$defs/l{n + 1}"}}\n' for m in range(9))
        for n in range(9)
    )
    rules.replace(
        BUCKET,
        "      maximum: 65535\n",
        f"      maximum: 65535\n{levels}    l9: {{type: string}}\n",
    )
    rules.replace(BUCKET, 'items: {$ref: "#/$defs/rule"}', 'items: {$ref: "#/$defs/l0"}')
    assert any("references are too many" in line for line in rules.diagnostics())
