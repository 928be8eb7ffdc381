"""What is tested in one known way rather than at random: crowds, order, rolling restarts."""

from __future__ import annotations

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import pairwise

import psutil

from app.domain.operations import FINAL
from app.models import Operation
from tests.campaign.findings import Promise, Tally
from tests.campaign.invariants import StackChecks
from tests.campaign.slots import GOOD
from tests.campaign.trial import Trial

CROWD = 50
APPLIES = 20
RESTARTS = 20
RESTART_EVERY_SECONDS = 3.0
BOUND_SECONDS = 240.0
PARAMETERS = {"zones": 1}


def fifty_ask_for_one_name(trial: Trial, tally: Tally) -> None:
    """Fifty clients ask for the same name at once; one of them gets it."""
    body = {
        "name": "crowd",
        "project": "default",
        "cloud_account": "sandbox",
        "parameters": PARAMETERS,
    }

    def ask(number: int) -> tuple[int, str]:
        headers = {"Idempotency-Key": f"crowd-{number}"}
        answer = trial.ask("POST", "/networks", json=body, headers=headers)
        is_taken = answer.status_code == 202
        return answer.status_code, answer.json()["stack"]["id"] if is_taken else ""

    with ThreadPoolExecutor(CROWD) as crowd:
        answers = list(crowd.map(ask, range(CROWD)))
    counts = Counter(status for status, _ in answers)
    tally.fact("answers to fifty POSTs of one name", {str(k): v for k, v in counts.items()})
    if counts != {202: 1, 409: CROWD - 1}:
        tally.problem(Promise.REQUEST, f"fifty POSTs of one name were answered {counts}")
    for stack_id in [found for _, found in answers if found]:
        _end_well(trial, tally, stack_id)


def twenty_applies_while_workers_restart(trial: Trial, tally: Tally) -> None:
    """Twenty applies on one stack run in order, while each worker is restarted in turn."""
    body = {"name": "queue", "project": "default", "cloud_account": "sandbox"}
    asked = trial.ask("POST", "/networks", json={**body, "parameters": PARAMETERS}).json()
    stack_id = asked["stack"]["id"]
    for _ in range(APPLIES):
        trial.ask("POST", f"/stacks/{stack_id}/operations", json={"type": "apply"})
    restarts = threading.Thread(target=_restart_workers, args=(trial, tally), daemon=True)
    restarts.start()
    operations = _wait_for_end(trial, tally, stack_id)
    restarts.join()
    for earlier, later in pairwise(operations):
        if not (earlier.ended_at and later.started_at and earlier.ended_at <= later.started_at):
            tally.problem(Promise.OVERLAP, f"{later.id} began before {earlier.id} had ended")
    if len(operations) != APPLIES + 1:
        tally.problem(Promise.REQUEST, f"{len(operations)} of {APPLIES + 1} applies are there")
    for operation in operations:
        if operation.status not in GOOD or operation.fence != 1:
            tally.problem(
                Promise.OUTCOME,
                f"{operation.id} {operation.status} at fence {operation.fence}: a restart of "
                "workers must not touch it",
            )
    tally.fact("applies in a row on one stack", len(operations))
    _end_well(trial, tally, stack_id)


PIECES = (fifty_ask_for_one_name, twenty_applies_while_workers_restart)


def _restart_workers(trial: Trial, tally: Tally) -> None:
    """Ask one worker after the other to end, as a deploy does; the supervisor starts it anew."""
    asked: set[int] = set()  # a second SIGTERM would mean "now", and kill the horse
    while len(asked) < RESTARTS:
        workers = trial.running.processes("workers.worker")
        fresh = [worker for worker in workers if worker.pid not in asked]
        with suppress(psutil.NoSuchProcess):
            oldest = min(fresh, key=psutil.Process.create_time, default=None)
            if oldest is not None:
                asked.add(oldest.pid)
                oldest.terminate()
        time.sleep(RESTART_EVERY_SECONDS)
    tally.fact("rolling restarts of workers", len(asked))


def _wait_for_end(trial: Trial, tally: Tally, stack_id: str) -> list[Operation]:
    deadline = time.monotonic() + BOUND_SECONDS
    while any(item.status not in FINAL for item in trial.operations(stack_id)):
        if time.monotonic() > deadline:
            tally.problem(Promise.STUCK, f"operations of {stack_id} do not end")
            break
        time.sleep(0.2)
    return trial.operations(stack_id)


def _end_well(trial: Trial, tally: Tally, stack_id: str) -> None:
    """Check a stack that nothing disturbed, and destroy it."""
    checks = StackChecks(trial, tally, stack_id)
    for _ in range(2):
        operations = _wait_for_end(trial, tally, stack_id)
        checks.memory.accepted = {item.id for item in operations}
        checks.check(is_exact=True)
        if operations[-1].type != "destroy":
            trial.ask("POST", f"/stacks/{stack_id}/operations", json={"type": "destroy"})
