"""How Linux schedules the threads of the service and of the provider."""

from __future__ import annotations

import os
import subprocess
import sys

import psutil
import pytest

from sandbox.scheduling import let_threads_finish
from tests.sandbox_cloud import ROOT, Service

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a way of Linux")


def list_policies(process: psutil.Process) -> set[int]:
    return {os.sched_getscheduler(thread.id) for thread in process.threads()}


def test_all_threads_of_a_kept_provider_let_others_finish() -> None:
    command = [sys.executable, "-m", "sandbox.provider", "--reattach"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as provider:
        try:
            assert provider.stdout is not None
            provider.stdout.readline()
            assert list_policies(psutil.Process(provider.pid)) == {os.SCHED_BATCH}
        finally:
            provider.terminate()


def test_all_threads_that_answer_for_the_service_let_others_finish(service: Service) -> None:
    assert service._process is not None
    (worker,) = psutil.Process(service._process.pid).children()
    assert list_policies(worker) == {os.SCHED_BATCH}


def test_where_it_is_forbidden_all_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refuse(pid: int, policy: int, _: os.sched_param) -> None:
        asked.append(policy)
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "sched_setscheduler", refuse)
    before = os.sched_getscheduler(0)
    let_threads_finish()
    assert (asked, os.sched_getscheduler(0)) == ([os.SCHED_BATCH], before)
