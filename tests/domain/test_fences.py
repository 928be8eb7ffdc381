"""Which of two writers is the newer one."""

from __future__ import annotations

from app.domain.fences import NO_FENCE, Fence


def test_a_higher_number_passes_and_a_lower_one_does_not() -> None:
    old, new = Fence.new(4), Fence.new(5)
    assert old.is_passed_by(new)
    assert not new.is_passed_by(old)
    assert not new.is_passed_by(NO_FENCE)
    assert NO_FENCE.is_passed_by(old)


def test_nobody_passes_itself_and_two_of_one_number_pass_each_other() -> None:
    one, other = Fence.new(4), Fence.new(4)
    assert not one.is_passed_by(one)
    assert not NO_FENCE.is_passed_by(NO_FENCE)
    assert one.is_passed_by(other)
    assert other.is_passed_by(one)
