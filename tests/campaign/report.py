"""What a campaign found, for machines (JSON) and for ``docs/reliability.md`` (Markdown)."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

import psutil

from tests.campaign.findings import Kill, Promise, Tally

LIMIT_SECONDS = 30.0
NAMED = (
    Promise.STATE,
    Promise.RESOURCE,
    Promise.DOUBLED,
    Promise.ABANDONED,
    Promise.STUCK,
    Promise.OVERLAP,
    Promise.ABSORBED,
)
"""Promises that the sentence names; the others are counted together."""


@dataclass(frozen=True)
class Recovery:
    """Recovery times of some kills, in seconds."""

    kills: int
    p50: float
    p95: float
    max: float

    @classmethod
    def of(cls, kills: Sequence[Kill]) -> Recovery:
        times = sorted(k.recovery_seconds for k in kills if k.recovery_seconds is not None)
        if not times:
            return cls(len(kills), 0.0, 0.0, 0.0)
        cuts = quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
        return cls(len(kills), round(cuts[49], 1), round(cuts[94], 1), round(times[-1], 1))


class Report:
    """The figures of one campaign."""

    def __init__(
        self,
        tally: Tally,
        *,
        seed: int,
        database: str,
        wanted_kills: int,
        limit_seconds: float = LIMIT_SECONDS,
        strikes: int | None = None,
    ) -> None:
        """Take the figures.

        Args:
            tally: all that was counted.
            seed: of the campaign.
            database: what it ran on.
            wanted_kills: how many there were to be.
            limit_seconds: what the recovery must be below, in 95 of 100.
            strikes: how many faults there were, where ``wanted_kills`` counts those of hosts.
        """
        self._tally = tally
        self._faults = len(tally.kills) if strikes is None else strikes
        self._limit_seconds = limit_seconds
        self.seed, self.database, self.wanted_kills = seed, database, wanted_kills
        self.recovery = Recovery.of(tally.kills)

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept, within the time, over as many kills as asked for."""
        is_quick = self.recovery.p95 < self._limit_seconds
        is_whole = self._faults >= self.wanted_kills
        return not self._tally.problems and is_quick and is_whole

    def sentence(self) -> str:
        """Say it in one line."""
        count, kills = self._tally.count, self._faults
        text = (
            f"{count(Promise.STATE)} lost states, {count(Promise.RESOURCE)} forgotten resources, "
            f"{count(Promise.DOUBLED)} doubled, {count(Promise.ABANDONED)} abandoned, "
            f"{count(Promise.STUCK)} stuck, {count(Promise.OVERLAP)} overlaps, "
            f"{count(Promise.ABSORBED)} absorbed, "
            f"recovery p95 {self.recovery.p95:g} s over {kills} faults"
        )
        others = len(self._tally.problems) - sum(count(promise) for promise in NAMED)
        text += f"; {others} other broken promises" if others else ""
        if kills < self.wanted_kills:
            text += f" (the time was over before {self.wanted_kills})"
        return text

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {
            "sentence": self.sentence(),
            "is_good": self.is_good,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": self.seed,
            "database": self.database,
            "machine": machine(),
            "recovery": asdict(self.recovery),
            "by_victim": {name: asdict(Recovery.of(k)) for name, k in self._by("what").items()},
            "by_moment": {name: len(k) for name, k in self._by("during").items()},
            "outcomes": dict(sorted(self._tally.outcomes.items())),
            "facts": self._tally.facts,
            "problems": [
                {"promise": problem.promise.value, "detail": problem.detail}
                for problem in self._tally.problems
            ],
        }

    def markdown(self) -> str:
        """Return the table for people."""
        lines = [
            "| killed | kills | recovery p50 | p95 | max |",
            "|---|---:|---:|---:|---:|",
        ]
        rows = {name: Recovery.of(kills) for name, kills in self._by("what").items()}
        for name, row in {**rows, "**all**": self.recovery}.items():
            lines.append(
                f"| {name} | {row.kills} | {row.p50:g} s | {row.p95:g} s | {row.max:g} s |"
            )
        return "\n".join(lines) + "\n"

    def _by(self, field: str) -> dict[str, list[Kill]]:
        found: dict[str, list[Kill]] = defaultdict(list)
        for kill in self._tally.kills:
            found[getattr(kill, field)].append(kill)
        return dict(sorted(found.items()))


def machine() -> str:
    """Return the shape of this machine."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores, {memory:.0f} GiB, Python {platform.python_version()}"
