"""What parsing gave for each text of HCL, by the SHA-256 of the text.

Parsing the modules of the catalog takes more than a second of CPU, and every process of a host
reads the same ones. The first leaves what it found in a file; the others parse only what changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

# Another parser may find other things in the same text; so may another shape of ``Parsed``.
FORM = f"1 with python-hcl2 {version('python-hcl2')}"
MAX_TEXTS = 2_000


class Parsed(NamedTuple):
    """One block of a text, as ``hcl_source.Block``, without the file that the text stands in."""

    line: int
    type: str
    labels: tuple[str, ...]
    attributes: dict[str, str]
    blocks: tuple[Parsed, ...]


class ParsedTexts:
    """The blocks of each text that was parsed, here or before."""

    def __init__(self) -> None:
        self._blocks: dict[str, Sequence[Parsed]] = {}
        self._asked_for: set[str] = set()
        self.is_new = False
        """Whether something was parsed since the last ``dump``."""

    def find(self, text: str) -> Sequence[Parsed] | None:
        """Return the blocks of ``text``, or ``None`` when it was not parsed yet."""
        digest = _digest(text)
        self._asked_for.add(digest)
        return self._blocks.get(digest)

    def add(self, text: str, blocks: Sequence[Parsed]) -> None:
        """Note the blocks of ``text``; a catalog has far fewer texts than are kept."""
        if len(self._blocks) >= MAX_TEXTS:
            self._blocks.clear()
        self._blocks[_digest(text)] = blocks
        self.is_new = True

    def dump(self) -> bytes:
        """Return the blocks of every text that was asked for, for ``load`` of another process."""
        self.is_new = False
        asked = {key: blocks for key, blocks in self._blocks.items() if key in self._asked_for}
        return json.dumps({"form": FORM, "texts": asked}).encode()

    def load(self, data: bytes) -> None:
        """Take over what another process has dumped.

        Raises:
            ValueError: it is not that, or of another parser; nothing was taken over.
        """
        try:
            document = json.loads(data)
            form, texts = document["form"], document["texts"]
            found = {digest: [_read(block) for block in blocks] for digest, blocks in texts.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not parsed texts: {error!r}") from error
        if form != FORM:
            raise ValueError(f"parsed texts of another form than {FORM}")
        self._blocks |= found


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _read(block: Any) -> Parsed:
    line, type_, labels, attributes, inner = block
    return Parsed(
        int(line),
        str(type_),
        tuple(map(str, labels)),
        {str(name): str(value) for name, value in attributes.items()},
        tuple(map(_read, inner)),
    )
