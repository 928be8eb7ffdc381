"""What an operation needs is learned from what others took, and never so that nothing starts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.footprint import (
    ENOUGH_SAMPLES,
    MARGIN,
    MAX_PLAUSIBLE_MIB,
    MAX_SAMPLES,
    MOST_OF_HOST,
    Footprint,
    add_sample,
    learned_mib,
    median_cpu_seconds,
    needed_mib,
)

PLAUSIBLE = st.builds(
    Footprint, st.integers(1, MAX_PLAUSIBLE_MIB), st.floats(0.01, 1000.0, allow_nan=False)
)
ANYTHING = st.builds(
    Footprint, st.integers(-(10**12), 10**12), st.floats(allow_nan=True, allow_infinity=True)
)
BAD = [
    Footprint(0, 1.0),
    Footprint(-5, 1.0),
    Footprint(MAX_PLAUSIBLE_MIB + 1, 1.0),
    Footprint(100, 0.0),
    Footprint(100, -1.0),
    Footprint(100, math.nan),
    Footprint(100, math.inf),
]


def some(*peaks: int) -> list[Footprint]:
    return [Footprint(peak, 1.0) for peak in peaks]


@pytest.mark.parametrize("sample", BAD, ids=str)
def test_what_no_terraform_can_have_taken_changes_nothing(sample: Footprint) -> None:
    known = some(*[100] * ENOUGH_SAMPLES)
    assert add_sample(known, sample) == known
    assert learned_mib([*known, sample]) == learned_mib(known)


def test_nothing_is_learned_from_few() -> None:
    assert learned_mib(some(*[100] * (ENOUGH_SAMPLES - 1))) is None
    assert learned_mib(some(*[100] * ENOUGH_SAMPLES)) == 100 * MARGIN


def test_a_high_percentile_counts_and_one_outlier_of_many_does_not() -> None:
    assert learned_mib(some(*[100] * 39, 9000)) == 100 * MARGIN
    assert learned_mib(some(*[100] * 30, *[500] * 10)) == 500 * MARGIN


def test_the_newest_are_kept() -> None:
    known = some(*range(1, MAX_SAMPLES + 1))
    added = add_sample(known, Footprint(7000, 1.0))
    assert len(added) == MAX_SAMPLES
    assert (added[0].peak_mib, added[-1].peak_mib) == (2, 7000)


def test_cpu_is_told_by_the_median() -> None:
    assert median_cpu_seconds([]) is None
    assert median_cpu_seconds([Footprint(1, seconds) for seconds in (1.0, 9.0, 2.0)]) == 2.0


@given(st.lists(ANYTHING, max_size=200), ANYTHING)
def test_whatever_comes_the_samples_stay_few_and_plausible(
    known: list[Footprint], sample: Footprint
) -> None:
    kept = add_sample(known, sample)
    assert len(kept) <= MAX_SAMPLES
    assert all(item.is_plausible for item in kept)


@given(st.lists(PLAUSIBLE, min_size=ENOUGH_SAMPLES, max_size=MAX_SAMPLES))
def test_what_is_learned_lies_between_the_smallest_and_the_largest_with_the_margin(
    samples: list[Footprint],
) -> None:
    peaks = [item.peak_mib for item in samples]
    found = learned_mib(samples)
    assert found is not None
    assert min(peaks) * MARGIN <= found <= math.ceil(max(peaks) * MARGIN)


@given(
    st.one_of(st.none(), st.integers(1, 10**7)),
    st.integers(0, 4096),
    st.integers(1, 4096),
    st.one_of(st.none(), st.integers(1, 10**6)),
    st.booleans(),
)
def test_what_is_needed_keeps_its_bounds(
    learned: int | None, declared: int, floor: int, capacity: int | None, is_idle: bool
) -> None:
    """Never below the floor; on an idle host never above what the operator and the cloud name."""
    found = needed_mib(learned, declared, floor, capacity, is_idle=is_idle)
    named = max(floor, declared)
    assert found >= floor
    if learned is None:
        assert found == named
    elif is_idle:
        assert found <= named
    elif capacity is not None:
        assert found <= max(floor, capacity * MOST_OF_HOST)


@given(st.lists(ANYTHING, max_size=100), st.integers(0, 2048), st.integers(1, 2048))
def test_no_samples_at_all_can_keep_an_idle_host_from_starting_what_it_could_before(
    samples: list[Footprint], declared: int, floor: int
) -> None:
    learned = learned_mib(samples)
    before = needed_mib(None, declared, floor, 4096, is_idle=True)
    assert needed_mib(learned, declared, floor, 4096, is_idle=True) <= before


def test_what_takes_less_than_declared_needs_less() -> None:
    assert needed_mib(480, 768, 384, 24_000, is_idle=False) == 480
    assert needed_mib(200, 768, 384, 24_000, is_idle=False) == 384
    assert needed_mib(1500, 768, 384, 24_000, is_idle=False) == 1500
    assert needed_mib(1500, 768, 384, 24_000, is_idle=True) == 768
