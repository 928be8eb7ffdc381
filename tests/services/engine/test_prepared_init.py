"""Operations whose module was initialised before, with a real Terraform."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.domain.operations import OperationType
from app.models import Stack
from tests.landform import Landform


def records(landform: Landform) -> list[Path]:
    return sorted((landform.settings.work_dir / "prepared").glob("*.json"))


def change(path: Path, **values: Any) -> None:
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **values}))


def test_a_check_uses_what_an_earlier_operation_has_prepared(
    landform: Landform, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    before = [(path, path.stat().st_mtime_ns) for path in records(landform)]
    assert len(before) == 2, "one for a stack without a state, one for a stack with one"
    landform.perform(network, OperationType.DRIFT_CHECK)
    assert landform.stack(network.id).drift_status == "in_sync"
    assert landform.perform(network, OperationType.DESTROY).status == "applied"
    assert [(path, path.stat().st_mtime_ns) for path in records(landform)] == before


@pytest.mark.thorough
def test_what_was_prepared_wrongly_fails_one_run_at_most(
    landform: Landform, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    for path in records(landform):
        change(path, lock="# checksums of nothing")
    first = landform.perform(network, OperationType.DRIFT_CHECK)
    assert (first.status, landform.stack(network.id).drift_status) == ("errored", "unknown")
    second = landform.perform(network, OperationType.DRIFT_CHECK)
    assert second.status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"


@pytest.mark.thorough
def test_a_provider_that_was_installed_anew_is_initialised_anew(
    landform: Landform, network: Stack
) -> None:
    landform.perform(network, OperationType.DRIFT_CHECK)
    replace_provider(landform)
    assert landform.perform(network, OperationType.DRIFT_CHECK).status == "planned_and_finished"
    assert landform.stack(network.id).drift_status == "in_sync"
    replace_provider(landform, "# tampered with\n")
    refused = landform.perform(network, OperationType.DRIFT_CHECK)
    assert refused.status == "errored"
    assert "doesn't match any of the checksums" in str(refused.error)


def replace_provider(landform: Landform, more: str = "") -> None:
    """Put other files in the place of the provider's, with the same bytes and ``more``."""
    for path in landform.settings.sandbox_mirror.rglob("terraform-provider-*"):
        text, mode = path.read_text(), path.stat().st_mode
        path.unlink()
        path.write_text(text + more)
        path.chmod(mode)
