"""Take the schema of a Terraform provider from the wheel of its generated bindings.

``python -m tests.stand_ins.extract WHEEL`` writes ``tests/stand_ins/excerpts/<provider>.json.gz``:
the provider's own settings and the types of resources that the modules of terraform/blueprints use,
in the form of ``terraform providers schema -json``, with the names, versions and licence of wheel
and provider beside them. The wheels are those of ``SOURCES``. They are not needed to run the tests.

The generator notes beside each attribute whether it is computed, optional and required, so that is
taken as it stands. It does not note which attributes are sensitive, have a default or force a new
resource, nor what the provider checks in a plan: the excerpt cannot know.
"""

from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import sys
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.catalog.hcl_source import parse_blocks

ROOT = Path(__file__).parents[2]
BLUEPRINTS = ROOT / "terraform/blueprints"
EXCERPTS = Path(__file__).parent / "excerpts"

FIELD = re.compile(
    r"// (\w+) - computed: (true|false), optional: (true|false), required: (true|false)\n"
    r"(.*\n)(.*\n)(.*\n)"
)
CLASS = re.compile(r"^class (\w+) extends .*?^}$", re.MULTILINE | re.DOTALL)
FUNCTION = re.compile(r"^function (\w+)ToHclTerraform\(.*?^}$", re.MULTILINE | re.DOTALL)
WRITTEN = re.compile(
    r'(\w+): \{\n\s+value: .*\n\s+isBlock: (true|false),\n\s+type: "(\w+)",\n'
    r'\s+storageClassType: "([^"]+)"'
)
MADE = re.compile(r'new (?:\w+\.)?(\w+)\(this, "\w+"(?:, (true|false))?\)')
GOT = re.compile(r"return (.*\));")
KNOWN = {
    "string": "string",
    "number": "number",
    "boolean": "bool",
    "stringMap": ["map", "string"],
    "numberMap": ["map", "number"],
    "booleanMap": ["map", "bool"],
    "stringList": ["list", "string"],
    "numberList": ["list", "number"],
}
MAPS = {"StringMap": "string", "NumberMap": "number", "BooleanMap": "bool", "AnyMap": "string"}


@dataclass(frozen=True)
class Source:
    """Where a provider's schema comes from."""

    wheel: str
    provider: str
    version: str
    cloud: str
    licence: str = "MPL-2.0"


SOURCES = {
    "google": Source("cdktn-provider-google 21.1.0", "hashicorp/google", "8.7.0", "gcp"),
    "azurerm": Source("cdktn-provider-azurerm 18.9.0", "hashicorp/azurerm", "5.10.0", "azure"),
}


@dataclass
class Bindings:
    """The generated JavaScript of one type: its classes, and what is written of each struct."""

    text: str
    classes: dict[str, str] = field(default_factory=dict)
    written: dict[str, dict[str, tuple[bool, str, str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for found in CLASS.finditer(self.text):
            self.classes[found[1]] = found[0]
        for found in FUNCTION.finditer(self.text):
            self.written[found[1][0].upper() + found[1][1:]] = _written(found[0])

    def main(self) -> str:
        """Return the name of the class that stands for the type itself."""
        return next(name for name, text in self.classes.items() if "static tfResourceType" in text)

    def block(self, name: str, class_text: str) -> dict[str, Any]:
        """Return the schema of a struct, as Terraform prints it.

        Args:
            name: of the struct, by which functions and classes are found.
            class_text: of the class that has its attributes.
        """
        written = self.written.get(name) or _written(class_text)
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for found in FIELD.finditer(class_text):
            if found[1] == "alias":  # of Terraform itself
                continue
            label, place = found[1], "".join(found.groups()[4:])
            is_block, form, storage = written.get(label, (False, "", ""))
            made = MADE.search(place)
            if is_block and not made:  # the provider's own settings cannot be referred to
                blocks[label] = self._settings(form, storage)
            elif made and is_block and found[2] == "false":
                blocks[label] = self._nested(label, made, form, found[4] == "true")
            else:
                flags = zip(("computed", "optional", "required"), found.groups()[1:4], strict=True)
                attributes[label] = {
                    "type": self._type(made, place, written.get(label)),
                    **{flag: True for flag, value in flags if value == "true"},
                }
        parts = {"attributes": attributes, "block_types": blocks}
        return {key: part for key, part in parts.items() if part}

    def _nested(
        self, label: str, made: re.Match[str], form: str, is_required: bool
    ) -> dict[str, Any]:
        struct = re.sub(r"(OutputReference|List|Map)$", "", made[1])
        block = self.block(struct, self.classes[f"{struct}OutputReference"])
        if form == "struct" or label == "timeouts":
            return {"nesting_mode": "single", "block": block}
        nested = {"nesting_mode": form, "block": block}
        if made[1].endswith("OutputReference"):
            nested["max_items"] = 1
        return {**nested, **({"min_items": 1} if is_required else {})}

    def _settings(self, form: str, storage: str) -> dict[str, Any]:
        """Return a block of which nothing is known but how it is written."""
        attributes: dict[str, Any] = {}
        blocks: dict[str, Any] = {}
        for label, said in self.written[storage.removesuffix("List")].items():
            if said[0]:
                blocks[label] = self._settings(said[1], said[2])
            else:
                attributes[label] = {"type": KNOWN[said[2]], "optional": True}
        parts = {"attributes": attributes, "block_types": blocks}
        block = {key: part for key, part in parts.items() if part}
        if form == "struct":
            return {"nesting_mode": "single", "block": block}
        return {"nesting_mode": form, "block": block}

    def _type(
        self, made: re.Match[str] | None, place: str, said: tuple[bool, str, str] | None
    ) -> Any:
        if made and made[1] in MAPS:
            return ["map", MAPS[made[1]]]
        if made and not made[1].startswith("String"):
            struct = re.sub(r"(OutputReference|List|Map)$", "", made[1])
            inner = self.block(struct, self.classes[f"{struct}OutputReference"])
            members = {key: item["type"] for key, item in inner.get("attributes", {}).items()}
            members |= {
                key: [item["nesting_mode"], _as_object(item["block"])]
                for key, item in inner.get("block_types", {}).items()
            }
            kind = ["object", members]
            if said and said[1] == "struct":
                return kind
            is_set = made[2] == "true" or (said is not None and said[1] == "set")
            return ["map", kind] if made[1].endswith("Map") else ["set" if is_set else "list", kind]
        got = GOT.search(place)
        is_set = said[1] == "set" if said else bool(got and "tolist" in got[1])
        if said and said[2] in KNOWN:
            type_ = KNOWN[said[2]]
        elif got:
            type_ = _type_got(got[1])
        else:
            raise ValueError(f"what is it? {place}")
        return ["set", type_[1]] if is_set and isinstance(type_, list) else type_


def _as_object(block: dict[str, Any]) -> Any:
    members = {key: item["type"] for key, item in block.get("attributes", {}).items()}
    for key, item in block.get("block_types", {}).items():
        members[key] = [item["nesting_mode"], _as_object(item["block"])]
    return ["object", members]


def _type_got(text: str) -> Any:
    for getter, type_ in (
        ("getStringMapAttribute", ["map", "string"]),
        ("getNumberListAttribute", ["list", "number"]),
        ("getListAttribute", ["list", "string"]),
        ("getStringAttribute", "string"),
        ("getNumberAttribute", "number"),
        ("getBooleanAttribute", "bool"),
    ):
        if getter in text:
            return type_
    raise ValueError(f"{text} is read in an unknown way")


def _written(text: str) -> dict[str, tuple[bool, str, str]]:
    start = text.find("synthesizeHclAttributes")
    part = text[start:] if start >= 0 else text
    return {item[1]: (item[2] == "true", item[3], item[4]) for item in WRITTEN.finditer(part)}


def used_types(cloud: str) -> tuple[list[str], list[str]]:
    """Return the types of resources and of data sources that the modules of a cloud use."""
    resources: set[str] = set()
    data: set[str] = set()
    for file in sorted(BLUEPRINTS.glob(f"**/{cloud}/*.tf")):
        for block in parse_blocks(file.read_text(encoding="utf-8"), file):
            if block.type in ("resource", "data") and not block.labels[0].startswith("terraform_"):
                (resources if block.type == "resource" else data).add(block.labels[0])
    return sorted(resources), sorted(data)


def _sources(wheel: Path, wanted: set[str]) -> dict[str, str]:
    """Return the text of the bindings of the wanted types, by folder; a large one has several."""
    found: dict[str, str] = {}
    with zipfile.ZipFile(wheel) as archive:
        name = next(item for item in archive.namelist() if item.endswith(".jsii.tgz"))
        packed = io.BytesIO(archive.read(name))
    with tarfile.open(fileobj=packed) as files:
        for member in files:
            parts = member.name.split("/")
            if parts[1:2] == ["lib"] and parts[-1].endswith(".js") and parts[2] in wanted:
                held = files.extractfile(member)
                assert held is not None
                found[parts[2]] = found.get(parts[2], "") + held.read().decode()
    return found


def extract(wheel: Path, provider: str) -> dict[str, Any]:
    """Return the excerpt of a provider's schema."""
    source = SOURCES[provider]
    resources, data = used_types(source.cloud)
    folders = {"provider": ("provider", provider)}
    for kind, names in (("resource_schemas", resources), ("data_source_schemas", data)):
        for name in names:
            stem = name.removeprefix(f"{provider}_").replace("_", "-")
            prefix = f"data-{provider}-" if kind == "data_source_schemas" else ""
            folders[f"{prefix}{stem}"] = (kind, name)
    found: dict[str, Any] = {
        "source": {
            "wheel": source.wheel,
            "provider": source.provider,
            "version": source.version,
            "licence": source.licence,
        },
        "resource_schemas": {},
        "data_source_schemas": {},
    }
    for folder, text in _sources(wheel, {*folders}).items():
        bindings = Bindings(text)
        kind, name = folders[folder]
        main = bindings.main()
        schema = {"version": 0, "block": bindings.block(main, bindings.classes[main])}
        if kind == "provider":
            found["provider"] = schema
        else:
            found[kind][name] = schema
    missing = {*resources} - {*found["resource_schemas"]} | {*data} - {
        *found["data_source_schemas"]
    }
    if missing or "provider" not in found:
        raise SystemExit(f"The wheel has no {', '.join(sorted(missing)) or 'provider'}.")
    return found


def main(argv: list[str] | None = None) -> int:
    """Write the excerpt of the provider whose bindings a wheel holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.stand_ins.extract")
    parser.add_argument("wheel", type=Path)
    wheel = parser.parse_args(argv).wheel
    provider = next(name for name in SOURCES if name in wheel.name)
    text = json.dumps(extract(wheel, provider), sort_keys=True, separators=(",", ":"))
    EXCERPTS.mkdir(exist_ok=True)
    target = EXCERPTS / f"{provider}.json.gz"
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    print(f"{target}: {len(text)} bytes, {target.stat().st_size} compressed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
