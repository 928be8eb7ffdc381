"""An operation that went well leaves what it took; one that did not leaves nothing."""

from __future__ import annotations

import psutil

from app.domain.operations import OperationType
from app.models import Stack
from app.services.queue.footprints import LearnedFootprint, list_footprints
from tests.landform import Landform


def known(landform: Landform) -> list[LearnedFootprint]:
    with landform.ctx.read() as session:
        return list_footprints(session)


def test_an_apply_leaves_memory_and_cpu_of_terraform_and_its_provider(landform: Landform) -> None:
    landform.made("network", "net", parameters={"zones": 1})
    (found,) = known(landform)
    assert (found.cloud, found.kind, found.count) == ("sandbox", "network", 1)
    assert 20 < found.largest_mib < 2000
    assert 0.05 < found.cpu_seconds < 600
    assert found.learned_mib is None


def test_a_failure_leaves_nothing(landform: Landform) -> None:
    landform.cloud.set_faults(failure_rate=1.0)
    _, operation = landform.create("network", "net", parameters={"zones": 1})
    assert landform.carry_out(operation).status in {"errored", "interrupted"}
    assert known(landform) == []


def test_what_a_kept_provider_did_is_no_sample(
    landform: Landform, pool: psutil.Process, network: Stack
) -> None:
    before = known(landform)
    landform.perform(network, OperationType.PLAN)
    landform.perform(network, OperationType.PLAN)
    assert pool.children(), "a provider is kept"
    counts = [found.count for found in known(landform)]
    assert counts <= [found.count + 1 for found in before]


def test_nothing_is_kept_where_learning_is_off(landform: Landform) -> None:
    changed = landform.settings.model_copy(update={"operation_memory_learned": False})
    object.__setattr__(landform.ctx, "settings", changed)
    landform.made("network", "net", parameters={"zones": 1})
    assert known(landform) == []
