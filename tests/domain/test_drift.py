"""How much a change made outside matters, and when to look again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.domain.drift import ChangeKind, Severity, next_check_at, severity_of

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "paths", "forces_replacement", "severity"),
    [
        (ChangeKind.DELETED, [], False, Severity.HIGH),
        (ChangeKind.UPDATED, ["image"], True, Severity.HIGH),
        (ChangeKind.UPDATED, ["public"], False, Severity.HIGH),
        (ChangeKind.UPDATED, ["size", "bucket_policy"], False, Severity.HIGH),
        (ChangeKind.UPDATED, ["size"], False, Severity.MEDIUM),
        (ChangeKind.UPDATED, ["tags.owner", 'tags["a b"]'], False, Severity.LOW),
        (ChangeKind.UPDATED, ["tags.owner", "size"], False, Severity.MEDIUM),
    ],
)
def test_losses_and_security_come_first_and_labels_last(
    kind: ChangeKind, paths: list[str], forces_replacement: bool, severity: Severity
) -> None:
    assert severity_of(kind, paths, forces_replacement=forces_replacement) is severity


def test_a_fleet_does_not_march_in_step_but_each_stack_keeps_its_pace() -> None:
    following = [next_check_at(NOW, 900, f"stk_{number}") for number in range(200)]
    assert all(
        NOW + timedelta(seconds=810) < at <= NOW + timedelta(seconds=900) for at in following
    )
    assert len(set(following)) > 50
    assert next_check_at(NOW, 900, "stk_1") == following[1]


@pytest.mark.parametrize("interval", [1, 9, 10, 11])
def test_a_short_interval_is_kept(interval: int) -> None:
    at = next_check_at(NOW, interval, "stk_1")
    assert NOW < at <= NOW + timedelta(seconds=interval)
