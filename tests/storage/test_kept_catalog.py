"""The catalog is the same whether its modules were parsed here or before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.catalog.parsed_texts import ParsedTexts
from app.config.settings import REPOSITORY_ROOT
from app.storage import kept_catalog
from app.storage.kept_catalog import keep_parsed, load_kept_catalog

ROOT = REPOSITORY_ROOT / "terraform"
# Loads the catalog in a process that has parsed nothing, and says how many texts it had to parse.
PROGRAM = """
import sys
from pathlib import Path
from unittest.mock import patch
import hcl2
from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import read_module
from app.storage.kept_catalog import load_kept_catalog
with patch("hcl2.parses", wraps=hcl2.parses) as parses:
    catalog = load_kept_catalog(Path(sys.argv[1]), Path(sys.argv[2]))
    for kind in catalog.kinds.values():
        for folder in kind.modules.values():
            print(read_module(folder, Diagnostics()))
print(parses.call_count)
"""


def load_elsewhere(kept: Path) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(ROOT), str(kept)],
        cwd=REPOSITORY_ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_next_process_parses_nothing_and_finds_the_same(tmp_path: Path) -> None:
    kept = tmp_path / "parsed.json"
    *first, parsed = load_elsewhere(kept)
    assert int(parsed) > 10
    assert kept.stat().st_mode & 0o777 == 0o600
    *second, again = load_elsewhere(kept)
    assert (again, second) == ("0", first)


@pytest.mark.parametrize("content", [b"", b"{", b'{"form": "another"}'])
def test_a_file_that_is_none_of_ours_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    monkeypatch.setattr(kept_catalog, "KNOWN", known := ParsedTexts())
    known.add("text", [])
    kept = tmp_path / "parsed.json"
    kept.write_bytes(content)
    assert load_kept_catalog(ROOT, kept).kinds
    ParsedTexts().load(kept.read_bytes())


def test_a_home_that_does_not_exist_yet_is_not_made(tmp_path: Path) -> None:
    kept_catalog.KNOWN.add("text of a home", [])
    assert load_kept_catalog(ROOT, tmp_path / "home" / "parsed.json").kinds
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_costs_nothing_but_time(tmp_path: Path) -> None:
    keep_parsed(tmp_path / "no folder" / "parsed.json")
    assert list(tmp_path.iterdir()) == []
