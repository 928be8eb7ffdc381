"""What a campaign on several hosts counts can fail: each is made on purpose, and is counted."""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest

from app.clock import utc_now
from app.models import Operation
from tests.campaign import host_faults, lab
from tests.campaign.balancer import Balancer
from tests.campaign.findings import Promise, Tally
from tests.campaign.fleet import SLACK, Blow
from tests.campaign.host_faults import Held, Waits, judge_undisturbed
from tests.campaign.load import Load
from tests.campaign.processes import Watch, holds_lock
from tests.campaign.report import Report
from tests.campaign.test_judges import Trial, trial, working_in
from tests.campaign.trial import Ground
from tests.running import wait_until

__all__ = ["trial"]

NOW = utc_now()
MINUTE = timedelta(minutes=1)


class TwoHosts(Ground):
    """A ground whose operations are carried out on two hosts."""

    @property
    def run_folders(self) -> list[Path]:
        here = self.ctx.settings.work_dir
        return [here / "runs", here.with_name("other-host") / "runs"]


def test_programs_of_two_hosts_on_one_stack_overlap(trial: Trial) -> None:
    ground = TwoHosts(trial.landform.ctx, trial.landform.cloud)
    watch = Watch(ground, trial.tally)
    first, second = ground.run_folders
    with working_in(first, trial.last.id):
        watch.sample()
        assert trial.counts() == {}
        with working_in(second, trial.last.id):
            watch.sample()
    assert trial.counts() == {Promise.OVERLAP: 1}


def test_a_lock_counts_while_the_process_has_it(tmp_path: Path) -> None:
    path = tmp_path / "writer.lock"
    assert not holds_lock(os.getpid(), path)
    with path.open("w") as file:
        assert not holds_lock(os.getpid(), path)
        fcntl.flock(file, fcntl.LOCK_EX)
        assert holds_lock(os.getpid(), path)
        assert not holds_lock(os.getppid(), path)


@pytest.mark.parametrize(
    ("began", "ended", "is_hit"),
    [
        (NOW - 3 * MINUTE, NOW - 2 * MINUTE, False),
        (NOW - 3 * MINUTE, NOW - MINUTE / 2, True),
        (NOW - 3 * MINUTE, None, True),
        (NOW - MINUTE / 2, NOW, True),
        (NOW + SLACK / 2, None, True),
        (NOW + 2 * SLACK, None, False),
    ],
)
def test_a_fault_touches_what_the_host_does_from_its_beginning_to_a_bit_after_its_end(
    began: object, ended: object, is_hit: bool
) -> None:
    blow = Blow("host-1", began=NOW - MINUTE, ended=NOW)
    assert blow.hit(began, ended) is is_hit  # type: ignore[arg-type]


def test_an_operation_that_stays_in_the_hands_of_a_lost_host_is_stuck(trial: Trial) -> None:
    held = [Held(trial.last.id, "apply applying", trial.last.fence)]
    waits = Waits(trial.ground, held, began=0.0)
    set_status(trial, "applying")
    waits.watch(0.2)
    assert waits.freed == {}
    host_faults.tell(trial.tally, "host killed", "host-1", held, waits.freed)
    assert trial.counts() == {Promise.STUCK: 1}
    set_status(trial, "interrupted")
    waits.watch(60, until_all=True)
    host_faults.tell(trial.tally, "host killed", "host-1", held, waits.freed)
    assert trial.counts() == {}
    assert [kill.recovery_seconds is None for kill in trial.tally.kills] == [True, False]


def test_an_apply_that_a_restart_of_hosts_interrupts_is_told(trial: Trial) -> None:
    judge_undisturbed(trial.ground, trial.tally)
    assert trial.counts() == {}
    set_status(trial, "interrupted")
    judge_undisturbed(trial.ground, trial.tally)
    assert trial.counts() == {Promise.OUTCOME: 1}


def test_a_change_that_was_accepted_and_is_gone_is_lost(trial: Trial) -> None:
    load = Load(trial.ground, trial.tally, 1, may_break=False)
    load.accepted.add("default")
    load.check_changes()
    assert trial.counts() == {}
    load.accepted.add("never-made")
    load.check_changes()
    assert trial.counts() == {Promise.REQUEST: 1}


def set_status(trial: Trial, status: str) -> None:
    with trial.landform.ctx.write() as session:
        session.get_one(Operation, trial.last.id).status = status


class Web(BaseHTTPRequestHandler):
    """A web process that may be drained."""

    status = 200

    def do_GET(self) -> None:
        self.send_response(self.status if self.path == "/readyz/web" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serving() -> Iterator[tuple[type[Web], str]]:
    """Serve one web process of its own kind; yield that and its URL."""
    kind = type("OneWeb", (Web,), {})
    with HTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield kind, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_the_balancer_leaves_out_who_is_not_ready_and_repeats_nothing() -> None:
    with (
        serving() as (first, first_url),
        serving() as (_, second_url),
        closing(Balancer([first_url, second_url])) as balancer,
    ):
        wait_until(lambda: balancer.ready() == [True, True], "both")
        first.status = 503
        wait_until(lambda: balancer.ready() == [False, True], "the drained one is left out")
        urls = {str(balancer.get("/").url) for _ in range(4)}
        assert urls == {f"{second_url}/"}
    with closing(Balancer([second_url])) as balancer, pytest.raises(httpx.TransportError):
        balancer.get("/")


def test_a_campaign_on_hosts_counts_their_faults_and_none_else() -> None:
    def report(strikes: int) -> Report:
        return Report(Tally(), seed=1, database="postgresql", wanted_kills=2, strikes=strikes)

    assert report(2).is_good
    assert not report(1).is_good


def test_a_machine_that_cannot_have_hosts_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "is not on this machine" in lab.why_not.__wrapped__()
