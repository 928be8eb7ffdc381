"""A supervisor for tests: the real lock, processes, Redis and sandbox cloud, and a stand-in worker.

Arguments: a file for the pids, and the seconds that the worker's running job still takes.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from app.config.settings import Settings
from workers.embedded_redis import is_redis_listening
from workers.preflight import check_machine, hold_home
from workers.process import Program
from workers.processes import Processes, StopRequests
from workers.programs import foundation
from workers.readiness import find_problem
from workers.terminal import Terminal

WORKER = """
import signal, sys, time
def end(*_):
    print("finishing", flush=True)
    time.sleep(float(sys.argv[1]))
    print("finished", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
signal.signal(signal.SIGINT, lambda *_: print("INTERRUPTED", flush=True))
print("busy", flush=True)
while True: time.sleep(0.05)
"""


def find_start_problem(settings: Settings) -> str:
    """Return what is not up yet."""
    if not is_redis_listening(settings.home_dir):
        return "no Redis"
    return find_problem(f"{settings.sandbox_endpoint}/healthz")


def main(pid_file: Path, job_seconds: str) -> None:
    """Run until asked to stop."""
    settings = Settings.from_env()
    requests = StopRequests()
    processes = Processes(Terminal(sys.stdout, width=9), requests)
    worker = Program(
        "worker-1", (sys.executable, "-c", WORKER, job_seconds), dict(os.environ), stop_rank=0
    )
    with hold_home(settings.home_dir), requests.listening():
        check_machine(settings)
        processes.start([*foundation(settings, os.environ), worker])
        problem = processes.watch_until(lambda: find_start_problem(settings), 30)
        pid_file.write_text(json.dumps(processes.pids()))
        print(f"READY {problem}", flush=True)
        while not requests.count:
            processes.watch()
        processes.stop(patience_seconds=20, notice_seconds=10)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
