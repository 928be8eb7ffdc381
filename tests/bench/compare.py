"""Compare the ratios of a run of the bench with those that are kept: a check for regressions.

Times belong to a machine and its load. A ratio has both of its numbers from one run, so it says
something on any machine.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

TOLERANCE = 1.25
"""By how much a ratio may be worse than the kept one: less is noise."""

RATIO = re.compile(r"\*\*([\d.]+) times\*\*( as many)?")


def find_regressions(kept: Mapping[str, str], measured: Mapping[str, str]) -> list[str]:
    """Return a sentence for each ratio that is worse than the kept one of the same row.

    Args:
        kept: figures by the name of their row, as ``docs/benchmarks.md`` has them.
        measured: those of this run.
    """
    found = []
    for name in sorted(kept.keys() & measured.keys()):
        before, now = RATIO.search(kept[name]), RATIO.search(measured[name])
        if before is None or now is None:
            continue
        old, new = float(before[1]), float(now[1])
        is_more_better = before[2] is not None
        worse = old / new if is_more_better and new else new / old if old else 1.0
        if worse > TOLERANCE:
            found.append(f"{name}: {new:.2f} times, was {old:.2f} times.")
    return found
