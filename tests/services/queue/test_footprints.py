"""What operations take is kept by cloud and kind, bounded, and can be forgotten."""

from __future__ import annotations

import pytest

from app.domain.footprint import ENOUGH_SAMPLES, MAX_SAMPLES, Footprint
from app.errors import PermissionDeniedError
from app.models import OperationFootprint
from app.services.access import Principal
from app.services.context import Context
from app.services.queue.footprints import forget_footprints, learn, list_footprints, read_learned
from app.services.work import perform
from tests.landform import ADMIN
from tests.services.some_stacks import create

PLACE = ("sandbox", "network")


def teach(ctx: Context, stack_id: str, *samples: Footprint) -> None:
    for sample in samples:
        with ctx.write() as session:
            learn(session, stack_id, sample)


def test_enough_samples_are_a_need_of_their_kind_alone(ctx: Context) -> None:
    stack, other = create(ctx, "web"), create(ctx, "media", "bucket")
    samples = [Footprint(100, 2.0)] * (ENOUGH_SAMPLES - 1)
    teach(ctx, stack.id, *samples)
    with ctx.read() as session:
        assert read_learned(session) == {}
    teach(ctx, stack.id, Footprint(100, 2.0))
    teach(ctx, other.id, Footprint(9000, 2.0))
    with ctx.read() as session:
        assert read_learned(session) == {PLACE: 120}
        bucket, network = list_footprints(session)
    assert (bucket.kind, bucket.count, bucket.learned_mib) == ("bucket", 1, None)
    assert (network.count, network.largest_mib, network.cpu_seconds) == (ENOUGH_SAMPLES, 100, 2.0)


def test_the_row_stays_bounded_and_bad_samples_leave_no_trace(ctx: Context) -> None:
    stack = create(ctx, "web")
    bad = [Footprint(0, 1.0), Footprint(-1, 1.0), Footprint(10**9, 1.0), Footprint(5, float("nan"))]
    teach(ctx, stack.id, *bad)
    with ctx.read() as session:
        assert list_footprints(session) == []
    teach(ctx, stack.id, *[Footprint(peak, 1.0) for peak in range(1, MAX_SAMPLES + 20)])
    with ctx.read() as session:
        row = session.get_one(OperationFootprint, PLACE)
    assert len(row.samples) == MAX_SAMPLES
    assert row.samples[-1] == [MAX_SAMPLES + 19, 1.0]


def test_a_stack_that_is_gone_teaches_nothing(ctx: Context) -> None:
    teach(ctx, "stk_none", Footprint(100, 1.0))
    with ctx.read() as session:
        assert list_footprints(session) == []


def test_an_administrator_forgets_it_all(ctx: Context) -> None:
    stack = create(ctx, "web")
    teach(ctx, stack.id, *[Footprint(100, 1.0)] * ENOUGH_SAMPLES)
    nobody = Principal(id="usr_other", name="vera")
    with pytest.raises(PermissionDeniedError), perform(ctx, nobody) as work:
        forget_footprints(work)
    with ctx.read() as session:
        assert read_learned(session) == {PLACE: 120}
    with perform(ctx, ADMIN) as work:
        assert forget_footprints(work) == 1
    with ctx.read() as session:
        assert read_learned(session) == {}
