"""Terraform lives no longer than the process that started it, and starts quickly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from app.domain.state_file import StateFile
from app.terraform import launcher
from app.terraform.cli import Terraform
from app.terraform.discovery import LAUNCHER, TerraformBinary
from app.terraform.identity import ProcessIdentity

LAUNCH = (sys.executable, "-I", "-S", str(LAUNCHER))
STATUS = "/proc/self/status"
PARENT = """
import json, sys
from pathlib import Path
from app.terraform.process import ProcessHooks, ProcessSpec, run_process
from app.terraform.discovery import TerraformBinary
spec = json.loads(sys.argv[1])
binary = TerraformBinary(Path(spec["path"]), spec["engine"], "terraform", "0")
directory = Path(spec["directory"])
def report(identity):
    (directory / "identity.json").write_text(json.dumps(identity.to_dict()))
run_process(
    ProcessSpec(
        command=binary.command(["apply", "-input=false", "-json", "landform.tfplan"]),
        directory=directory,
        environment=spec["environment"],
        stdout_path=directory / "apply.jsonl",
        stderr_path=directory / "apply.stderr",
        deadline_seconds=60,
        grace_seconds=10,
    ),
    ProcessHooks(on_start=report),
)
"""


def wait_until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_a_killed_parent_stops_terraform_in_good_order_with_its_state(
    make_terraform: Callable[..., Terraform], slow_module: str
) -> None:
    terraform = make_terraform(slow_module, variables={"seconds": 30})
    terraform.init(60)
    terraform.plan(terraform.directory / "landform.tfplan", 60)
    arguments = {
        "path": str(terraform.binary.path),
        "engine": terraform.binary.engine,
        "directory": str(terraform.directory),
        "environment": dict(terraform.environment),
    }
    events = terraform.directory / "apply.jsonl"
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, json.dumps(arguments)], cwd=Path(__file__).parents[2]
    ) as parent:
        wait_until(lambda: events.exists() and "provision_start" in events.read_text())
        identity = json.loads((terraform.directory / "identity.json").read_text())
        os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(identity["pid"]))
    text = events.read_text()
    assert "Interrupt received" in text
    assert '"apply_errored"' in text
    state = StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes())
    assert "terraform_data.first" in state.identifiers()
    # Terraform kills the shell of a provisioner, not what the shell started.
    ProcessIdentity.from_dict(identity).kill_group()
    wait_until(lambda: not [p for p in psutil.pids() if _in_group(p, identity["pgid"])])


def test_a_parent_that_died_before_the_tie_means_no_start() -> None:
    done = subprocess.run(
        [*LAUNCH, "exec", "/bin/echo", "1", "{}", "started"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == launcher.EXIT_PARENT_GONE
    assert done.stdout == b""


def test_a_target_that_cannot_be_started_is_said(tmp_path: Path) -> None:
    for engine in ("exec", "library"):
        done = subprocess.run(
            [*LAUNCH, engine, str(tmp_path / "absent"), str(os.getpid()), "{}"],
            capture_output=True,
            check=False,
        )
        assert done.returncode == launcher.EXIT_CANNOT_START
        assert b"could not be started" in done.stderr


def test_signals_that_the_starter_ignores_are_given_back() -> None:
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        done = subprocess.run(
            [*LAUNCH, "exec", "/bin/grep", str(os.getpid()), "{}", "-E", "SigIgn|SigBlk", STATUS],
            capture_output=True,
            check=True,
        )
    finally:
        signal.signal(signal.SIGTERM, before)
    masks = [int(line.split()[1], 16) for line in done.stdout.splitlines()]
    # Signals 32 and 33 belong to the C library (nptl(7)); no program can give them back.
    assert [mask & ~(0b11 << 31) for mask in masks] == [0, 0]


def test_the_launcher_loads_little_before_it_becomes_terraform() -> None:
    """Each start of Terraform waits for what it imports: milliseconds of the standard library."""
    program = f"import runpy, sys; runpy.run_path({str(LAUNCHER)!r}); print(*sys.modules)"
    done = subprocess.run([*LAUNCH[:3], "-c", program], capture_output=True, text=True, check=True)
    slow = {"app", "argparse", "asyncio", "dataclasses", "logging", "pathlib", "subprocess"}
    assert slow.isdisjoint(done.stdout.split())


def test_terraform_watches_no_provider_that_it_may_not_signal() -> None:
    facts = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": os.getpid(), "Test": False}
    program = (
        "import json, os; found = json.loads(os.environ['TF_REATTACH_PROVIDERS'])['x'];"
        "print(json.dumps([os.getpid(), found]))"
    )
    done = subprocess.run(
        [*LAUNCH, "exec", sys.executable, str(os.getpid()), "{}", "-c", program],
        env={"TF_REATTACH_PROVIDERS": json.dumps({"x": facts})},
        capture_output=True,
        check=True,
    )
    pid, found = json.loads(done.stdout)
    assert found == facts | {"Pid": pid, "Test": True}


def test_no_secret_argument_and_no_environment_of_ours_is_needed(
    binary: TerraformBinary,
) -> None:
    done = subprocess.run(
        binary.command(["version", "-json"]), env={}, capture_output=True, check=True
    )
    assert json.loads(done.stdout)["terraform_version"] == binary.version


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except ProcessLookupError:
        return False


def test_sigint_interrupts_each_engine_in_good_order(
    make_terraform: Callable[..., Terraform], slow_module: str
) -> None:
    terraform = make_terraform(slow_module, variables={"seconds": 30})
    terraform.init(60)
    terraform.plan(terraform.directory / "p", 60)
    events = terraform.directory / "apply.jsonl"
    with (
        events.open("wb") as output,
        subprocess.Popen(
            terraform.binary.command(["apply", "-json", "-input=false", "p"]),
            cwd=terraform.directory,
            env=dict(terraform.environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
        ) as process,
    ):
        wait_until(lambda: "provision_start" in events.read_text())
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 1
    assert "Interrupt received" in events.read_text()
    StateFile.parse((terraform.directory / "terraform.tfstate").read_bytes())
