from __future__ import annotations

from tests.bench.policies import policy_rows


def test_the_rows_are_measured() -> None:
    rows = policy_rows()
    assert len(rows) == 2
    assert all(" ms" in figure for figure in rows.values())
