"""Which process is meant: not fooled by reused pids, equal names, containers or cloned machines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from app.errors import UnavailableError
from app.terraform.identity import ProcessIdentity
from tests.namespaces import needs_namespaces, unshared

DESCRIBE = (
    "import json, os; from app.terraform.identity import ProcessIdentity; "
    "print(json.dumps(ProcessIdentity.of(os.getpid()).to_dict()))"
)


def test_an_identity_is_not_fooled_by_a_reused_pid() -> None:
    own = ProcessIdentity.of(os.getpid())
    assert own.is_alive()
    assert ProcessIdentity.from_dict(own.to_dict()) == own
    assert not replace(own, start_time=own.start_time + 1).is_alive()
    assert not replace(own, start_time=1).interrupt()
    assert not replace(own, start_time=1).kill_group()
    assert not replace(own, start_time=1).kill()


@pytest.mark.parametrize(
    "change",
    [
        {"boot_id": "another"},  # another host of the same name, a clone, or an earlier boot
        {"pid_namespace": "pid:[1]"},  # another container on this machine
        {"pid_namespace": ""},  # recorded by a version that did not know
        {"host": "elsewhere", "boot_id": "another"},
    ],
)
def test_nobody_judges_a_process_that_cannot_be_seen_from_here(change: dict[str, str]) -> None:
    """Its pid may be that of a process here, or of none; neither says anything about it."""
    own = ProcessIdentity.of(os.getpid())
    for other in (replace(own, **change), replace(own, **change, pid=2**22 + 1)):
        assert not other.is_local
        with pytest.raises(UnavailableError, match="nobody here can tell"):
            other.is_alive()
        assert not other.kill_group()


def test_a_host_name_says_nothing() -> None:
    own = ProcessIdentity.of(os.getpid())
    assert replace(own, host="renamed meanwhile").is_alive()


@needs_namespaces
def test_a_process_of_another_pid_namespace_is_not_of_this_instance() -> None:
    """Same machine, same boot, same host name: only the namespace tells containers apart."""
    command = unshared([sys.executable, "-c", DESCRIBE])
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    other = ProcessIdentity.from_dict(json.loads(done.stdout))
    own = ProcessIdentity.of(os.getpid())
    assert (other.host, other.boot_id) == (own.host, own.boot_id)
    assert other.pid_namespace != own.pid_namespace
    assert not other.is_local
