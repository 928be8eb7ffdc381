"""Reads the Terraform root module of a blueprint: its variables, outputs and resources.

Owns the only parsing of HCL. It judges nothing but syntax; evaluating is Terraform's work.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hcl2
from hcl2.query import DocumentView
from lark.exceptions import LarkError

from app.catalog.diagnostics import Diagnostics
from app.catalog.parsed_texts import Parsed, ParsedTexts

KNOWN = ParsedTexts()
"""What this process has parsed, and what ``keep_parsed`` of an earlier one has left."""


@dataclass(frozen=True)
class Block:
    """One block. ``attributes`` maps each argument's name to its HCL text without spaces."""

    file: Path
    line: int
    type: str
    labels: tuple[str, ...]
    attributes: dict[str, str]
    blocks: tuple[Block, ...]

    @property
    def name(self) -> str:
        """The last label: the name of a variable, output or resource."""
        return self.labels[-1] if self.labels else ""


@dataclass
class ModuleSource:
    """All blocks of the ``*.tf`` files in one folder."""

    folder: Path
    blocks: list[Block] = field(default_factory=list)

    def named(self, block_type: str) -> dict[str, Block]:
        """Return the blocks of ``block_type`` by name."""
        return {block.name: block for block in self.of_type(block_type)}

    def of_type(self, *block_types: str) -> list[Block]:
        """Return the blocks of these types in the order of files and lines."""
        return [block for block in self.blocks if block.type in block_types]


def read_module(folder: Path, diagnostics: Diagnostics) -> ModuleSource | None:
    """Read every ``*.tf`` file of ``folder``; note syntax errors and then return ``None``."""
    before = diagnostics.count()
    module = ModuleSource(folder)
    for file in sorted(folder.glob("*.tf")):
        module.blocks.extend(read_blocks(file, diagnostics))
    return module if diagnostics.count() == before else None


def read_blocks(file: Path, diagnostics: Diagnostics) -> list[Block]:
    """Return the blocks of one file; note what is wrong with its syntax."""
    try:
        return parse_blocks(file.read_text(encoding="utf-8-sig"), file)
    except (OSError, UnicodeDecodeError) as error:
        diagnostics.add(file, 1, f"the file cannot be read as UTF-8 text ({error}); correct it")
    except HclSyntaxError as error:
        diagnostics.add(file, error.line, str(error))
    return []


class HclSyntaxError(Exception):
    """The text is not HCL; ``line`` counts from 1."""

    def __init__(self, line: int) -> None:
        super().__init__("not valid HCL near here; `terraform fmt` says what it expects")
        self.line = line


def parse_blocks(text: str, file: Path) -> list[Block]:
    """Return the blocks in ``text``, which stands in ``file``; the same text is parsed once.

    Raises:
        HclSyntaxError: names the line.
    """
    parsed = KNOWN.find(text)
    if parsed is None:
        parsed = _parse(text)
        KNOWN.add(text, parsed)
    return [_block(one, file) for one in parsed]


def _parse(text: str) -> list[Parsed]:
    try:
        document = DocumentView(hcl2.parses(text))
    except LarkError as error:
        line = getattr(error, "line", 1)
        raise HclSyntaxError(line if isinstance(line, int) and line > 0 else 1) from error
    return list(_parsed(document.blocks()))


def _parsed(views: Iterable[Any]) -> Iterator[Parsed]:
    for view in views:
        yield Parsed(
            line=view.raw.to_lark().meta.line,
            type=view.block_type,
            labels=tuple(view.name_labels),
            attributes={item.name: _expression(item) for item in view.attributes()},
            blocks=tuple(_parsed(view.blocks())),
        )


def _block(parsed: Parsed, file: Path) -> Block:
    line, type_, labels, attributes, inner = parsed
    return Block(file, line, type_, labels, attributes, tuple(_block(one, file) for one in inner))


def _expression(attribute: Any) -> str:
    """Return the text right of ``=`` without white space, so that layout does not matter."""
    _, _, text = attribute.to_hcl().partition("=")
    return "".join(text.split())
