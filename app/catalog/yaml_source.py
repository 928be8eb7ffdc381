"""Reads a YAML file into plain JSON values and remembers the line of each.

Owns strictness that PyYAML lacks: doubled keys, keys that are not text, values that JSON does not
know, and aliases are diagnostics. It must not know what the file is about.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from app.catalog.diagnostics import Diagnostics

MAX_DEPTH = 40
PointerPath = tuple[str | int, ...]


@dataclass(frozen=True)
class YamlDocument:
    """The content of one file; ``lines`` maps the path of each value to its line, from 1."""

    file: Path
    data: Any
    lines: Mapping[PointerPath, int]

    def line(self, *path: str | int) -> int:
        """Return the line of the value at ``path``, or of what is nearest above it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_yaml(file: Path, diagnostics: Diagnostics) -> YamlDocument | None:
    """Read ``file``; note what is wrong with it as YAML and then return ``None``."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        diagnostics.add(file, 1, "the file is missing; create it")
        return None
    except UnicodeDecodeError:
        diagnostics.add(file, 1, "the file is not UTF-8; save it as UTF-8")
        return None
    except OSError as error:
        diagnostics.add(
            file, 1, f"the file cannot be read ({error.strerror}); correct its permissions"
        )
        return None
    return parse_yaml(file, text, diagnostics)


def parse_yaml(file: Path, text: str, diagnostics: Diagnostics) -> YamlDocument | None:
    """Read ``text``; note what is wrong with it as YAML and then return ``None``.

    Args:
        file: by what name diagnostics call it.
        text: the whole document.
        diagnostics: what is noted.
    """
    before = diagnostics.count()
    reader = _Reader(file, diagnostics)
    data = reader.read(text)
    if diagnostics.count() > before:
        return None
    return YamlDocument(file, data, reader.lines)


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader without what makes a small file endless: aliases and depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent):
            raise _refuse("aliases are not allowed; write the value out", event)
        if self._depth > MAX_DEPTH:
            raise _refuse("nested too deeply; flatten it", event)
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _refuse(problem: str, event: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


class _Reader:
    """Turns the nodes of one file into values."""

    def __init__(self, file: Path, diagnostics: Diagnostics) -> None:
        self.lines: dict[PointerPath, int] = {}
        self._file = file
        self._diagnostics = diagnostics

    def read(self, text: str) -> Any:
        loader = None
        try:
            loader = _Loader(text)
            node = loader.get_single_node()
            if node is None:
                self._add(0, "the file is empty; describe something in it")
                return None
            return self._value(loader, node, ())
        except yaml.MarkedYAMLError as error:
            problem = f"{error.context or ''} {error.problem or ''}".strip()
            mark = error.problem_mark or error.context_mark
            self._add(_line(mark), f"not valid YAML: {problem}")
        except yaml.YAMLError as error:
            self._add(0, f"not valid YAML: {' '.join(str(error).split())}")
        except ValueError as error:
            self._add(0, f"a value is not valid: {error}")
        finally:
            if loader is not None:
                loader.dispose()
        return None

    def _value(self, loader: yaml.SafeLoader, node: yaml.Node, path: PointerPath) -> Any:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(loader, node, path)
        if isinstance(node, yaml.SequenceNode):
            return [
                self._value(loader, child, (*path, index)) for index, child in enumerate(node.value)
            ]
        value = loader.construct_object(node)
        if not _is_json_scalar(value):
            self._add(node.start_mark.line, f"{node.value!r} is not a JSON value; put it in quotes")
            return None
        return value

    def _mapping(
        self, loader: yaml.SafeLoader, node: yaml.MappingNode, path: PointerPath
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if key_node.tag != "tag:yaml.org,2002:str":
                self._add(key_node.start_mark.line, f"the key {key!r} is not text; quote it")
                continue
            if key in result:
                self._add(key_node.start_mark.line, f"the key {key!r} is doubled; remove one")
            self.lines[*path, key] = key_node.start_mark.line + 1
            result[key] = self._value(loader, value_node, (*path, key))
        return result

    def _add(self, line_index: int, message: str) -> None:
        self._diagnostics.add(self._file, line_index + 1, message)


def _line(mark: Any) -> int:
    """Return the line of ``mark`` from 0; PyYAML leaves some marks out."""
    return mark.line if mark else 0


def _is_json_scalar(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, str | bool | int)
