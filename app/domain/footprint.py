"""How much memory one operation needs, learned from what earlier ones took. Pure rules.

What decides is a high percentile of what operations of the same cloud and kind took at their peak,
with a margin. The declared figure counts until there are enough of them. No sample can keep work
from starting for good: what cannot be true is dropped, what is needed is never more than a share of
what the host has, and on a host that runs nothing the declared figure is enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, isfinite

MAX_SAMPLES = 60
"""So many of the newest are kept: what providers take changes with their versions."""

ENOUGH_SAMPLES = 10
PERCENTILE = 0.95
MARGIN = 1.2
MOST_OF_HOST = 0.75
"""One operation is never said to need more than this share of its host."""

MAX_PLAUSIBLE_MIB = 1024 * 1024
MAX_PLAUSIBLE_SECONDS = 7 * 24 * 3600.0


@dataclass(frozen=True)
class Footprint:
    """What one operation took: memory at its peak, and CPU seconds, of Terraform and providers."""

    peak_mib: int
    cpu_seconds: float

    @property
    def is_plausible(self) -> bool:
        """Whether a Terraform can have taken that."""
        return (
            1 <= self.peak_mib <= MAX_PLAUSIBLE_MIB
            and isfinite(self.cpu_seconds)
            and 0 < self.cpu_seconds <= MAX_PLAUSIBLE_SECONDS
        )


def add_sample(known: Sequence[Footprint], sample: Footprint) -> list[Footprint]:
    """Return the newest samples with one more; one that cannot be true changes nothing."""
    kept = [item for item in known if item.is_plausible]
    if sample.is_plausible:
        kept.append(sample)
    return kept[-MAX_SAMPLES:]


def learned_mib(samples: Sequence[Footprint]) -> int | None:
    """Return what the next operation will need, with a margin; None while too few are known."""
    peaks = sorted(item.peak_mib for item in samples if item.is_plausible)
    if len(peaks) < ENOUGH_SAMPLES:
        return None
    return ceil(peaks[ceil(PERCENTILE * len(peaks)) - 1] * MARGIN)


def median_cpu_seconds(samples: Sequence[Footprint]) -> float | None:
    """Return what half of the operations stayed below; None without any."""
    seconds = sorted(item.cpu_seconds for item in samples if item.is_plausible)
    return seconds[len(seconds) // 2] if seconds else None


def needed_mib(
    learned: int | None, declared: int, floor: int, capacity: int | None, *, is_idle: bool
) -> int:
    """Return how much memory must be available before one more operation starts.

    Args:
        learned: what ``learned_mib`` says.
        declared: what the description of the cloud says, or 0.
        floor: what the operator asks for at least.
        capacity: what the host has in all, where that is known.
        is_idle: whether the host runs no operation now.
    """
    named = max(floor, declared)
    if learned is None:
        return named
    wanted = max(floor, learned)
    if capacity is not None:
        wanted = min(wanted, max(floor, int(capacity * MOST_OF_HOST)))
    return min(wanted, named) if is_idle else wanted
