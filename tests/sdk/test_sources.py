"""The hand-written sources of the clients: pinned, no private hosts, alike in both languages."""

from __future__ import annotations

import json
import re

from app.domain.operations import FINAL
from tests.sdk.generate import SOURCES


def test_the_lock_file_pins_everything_and_names_no_host() -> None:
    package = json.loads((SOURCES / "typescript" / "package.json").read_text())
    locked = json.loads((SOURCES / "typescript" / "package-lock.json").read_text())["packages"]
    for name, version in {**package["dependencies"], **package["devDependencies"]}.items():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version), name
        assert locked[f"node_modules/{name}"]["version"] == version
    for name, entry in locked.items():
        assert name == "" or entry["integrity"].startswith("sha512-"), name
        assert entry.get("resolved", "https://registry.npmjs.org/").startswith(
            "https://registry.npmjs.org/"
        )


def test_both_helpers_know_every_end_of_an_operation() -> None:
    python = (SOURCES / "python-typed" / "waiting.py").read_text().lower()
    typescript = (SOURCES / "typescript" / "src" / "waiting.ts").read_text()
    for status in FINAL:
        assert f"operationstatus.{status.value}" in python
        assert f'"{status.value}"' in typescript
