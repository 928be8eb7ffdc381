"""The bench of AWS measures what it says, or says why it does not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.__main__ import TARGET, main, page, read_kept
from tests.bench.aws_life import aws_rows, find_aws_mirror
from tests.moto_cloud import require_provider


@pytest.mark.parametrize("mirror", ["", "/nonexistent"])
def test_without_the_provider_it_says_so_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mirror: str
) -> None:
    before = TARGET.read_bytes()
    monkeypatch.setenv("LANDFORM_PROVIDER_MIRROR", mirror)
    monkeypatch.setattr(sys, "argv", ["bench", "--only", "aws"])
    assert find_aws_mirror() is None
    assert main() == 1
    assert "AWS is not measured: LANDFORM_PROVIDER_MIRROR" in capsys.readouterr().err
    assert TARGET.read_bytes() == before


def test_rows_of_aws_stay_when_a_run_could_not_measure_it() -> None:
    rows = {"AWS, bucket, made": ("9 s", "2026-11-01"), "a row": ("3 s", "2026-11-01")}
    assert set(read_kept(page(rows, 60, 0.5))) == {"AWS, bucket, made"}


@pytest.mark.thorough
@pytest.mark.timeout(600)
def test_a_short_run_measures_a_bucket_in_both_ways_and_leaves_nothing(tmp_path: Path) -> None:
    rows = aws_rows(tmp_path / "aws", require_provider(), ("bucket",), 1)
    made, checked, again, destroyed = (figure for name, figure in rows.items() if "`" not in name)
    for figure in (made, checked, again, destroyed):
        assert "raw" in figure
        assert "times**; CPU" in figure
        assert "MiB" in figure
    steps = [name.split("`")[1] for name in rows if "`" in name]
    assert steps == ["init", "plan", "apply"]
