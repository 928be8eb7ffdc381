"""The excerpts of true providers' schemas that the stand-ins answer with.

Made by ``tests.stand_ins.extract``, which says what they hold and lack.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tf.gen import tfplugin_pb2 as pb

FOLDER = Path(__file__).parent / "excerpts"
NAMES = ("google", "azurerm")
NESTING = {
    "single": pb.Schema.NestedBlock.SINGLE,
    "list": pb.Schema.NestedBlock.LIST,
    "set": pb.Schema.NestedBlock.SET,
    "map": pb.Schema.NestedBlock.MAP,
}
Block = dict[str, Any]


@dataclass(frozen=True)
class Schemas:
    """What one provider offers, as Terraform prints schemas; ``source`` is where it comes from."""

    source: dict[str, str]
    provider: Block
    resources: dict[str, Block]
    data_sources: dict[str, Block]

    @classmethod
    def read(cls, name: str) -> Schemas:
        """Read the excerpt of a provider."""
        held = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
        return cls(
            held["source"],
            held["provider"]["block"],
            {key: item["block"] for key, item in held["resource_schemas"].items()},
            {key: item["block"] for key, item in held["data_source_schemas"].items()},
        )


def as_message(block: Block) -> pb.Schema:
    """Return a block in the words of the plugin protocol."""
    return pb.Schema(version=0, block=_block(block))


def _block(block: Block) -> pb.Schema.Block:
    attributes = [
        pb.Schema.Attribute(
            name=name,
            type=json.dumps(item["type"]).encode(),
            required=item.get("required", False),
            optional=item.get("optional", False),
            computed=item.get("computed", False),
        )
        for name, item in sorted(block.get("attributes", {}).items())
    ]
    nested = [
        pb.Schema.NestedBlock(
            type_name=name,
            block=_block(item["block"]),
            nesting=NESTING[item["nesting_mode"]],
            min_items=item.get("min_items", 0),
            max_items=item.get("max_items", 0),
        )
        for name, item in sorted(block.get("block_types", {}).items())
    ]
    return pb.Schema.Block(attributes=attributes, block_types=nested)
