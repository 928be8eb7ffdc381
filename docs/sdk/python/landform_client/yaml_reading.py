"""YAML as manifests have it: plain values, no key twice, times as texts, numbers exact."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

import yaml

from landform_client import exact_json

MAX_ALIASES = 100


class Loader(yaml.SafeLoader):
    """Reads plain values only."""

    aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """Bound aliases: a few lines of them may stand for gigabytes."""
        if self.check_event(yaml.AliasEvent):
            self.aliases += 1
            if self.aliases > MAX_ALIASES:
                raise ValueError(f"more than {MAX_ALIASES} aliases")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Refuse a key that is there twice, which YAML would take the last of."""
        keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        twice = {key for key in keys if keys.count(key) > 1 and key != "<<"}
        if twice:
            raise ValueError(f"{sorted(twice)[0]} is there twice, line {node.start_mark.line + 1}")
        return super().construct_mapping(node, deep)


def _text(loader: Loader, node: yaml.ScalarNode) -> str:
    return loader.construct_scalar(node)


def _number(loader: Loader, node: yaml.ScalarNode) -> Any:
    text = loader.construct_scalar(node).replace("_", "")
    try:
        return exact_json.loads(text)
    except ValueError:
        return float(text)


Loader.add_constructor("tag:yaml.org,2002:timestamp", _text)
Loader.add_constructor("tag:yaml.org,2002:float", _number)


def load_all(text: str) -> Iterator[Any]:
    """Yield the documents of a text.

    Raises:
        yaml.YAMLError: it is no YAML.
        ValueError: a key is there twice, or too many aliases.
    """
    return iter(list(yaml.load_all(text, Loader=Loader)))
