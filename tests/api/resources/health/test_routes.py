"""Health: the process lives, and each part that it stands on is named."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from app.clock import utc_now
from app.models import InstallationFact, Instance, Operation, Stack
from app.services.drift.health import PULSE, record_pulse
from app.services.installation.duties import FAILING_AFTER, DutyReport, record_duties
from app.services.installation.health import record_scheduler_beat
from app.services.installation.instances import begin_instance
from app.services.installation.leadership import Leadership
from tests.api.conftest import MakeApp
from tests.api.rest import Rest


def _checks(rest: Rest) -> dict[str, Any]:
    answer = rest.app.test_client().get("/readyz")
    assert answer.content_type == "application/json"
    body = answer.json
    is_ready = all(check["status"] == "ok" for check in body["checks"].values())
    assert (answer.status_code, body["status"]) == ((200, "ok") if is_ready else (503, "failed"))
    return dict(body["checks"])


def _failed(rest: Rest) -> set[str]:
    return {name for name, check in _checks(rest).items() if check["status"] == "failed"}


def test_a_living_process_says_so_without_a_token(rest: Rest) -> None:
    answer = rest.app.test_client().get("/healthz")
    assert (answer.status_code, answer.json) == (200, {"status": "ok"})


def test_every_part_is_named(rest: Rest) -> None:
    assert set(_checks(rest)) == {
        *(
            "database",
            "redis",
            "volume",
            "work_folder",
            "terraform",
            "workers",
            "scheduler",
            "drift_detector",
        ),
        *("maintenance", "hosts"),
    }


@pytest.mark.parametrize(
    ("role", "failed"),
    [
        ("web", set()),
        ("worker", {"redis", "workers"}),
        ("agent", set()),
        ("scheduler", {"redis", "scheduler"}),
    ],
)
def test_a_role_is_ready_when_what_it_stands_on_is_there(
    rest: Rest, role: str, failed: set[str]
) -> None:
    answer = rest.app.test_client().get(f"/readyz/{role}")
    assert answer.json is not None
    parts = answer.json["checks"]
    assert {name for name, part in parts.items() if part["status"] == "failed"} == failed
    assert answer.status_code == (503 if failed else 200)
    assert "database" in parts


def test_a_role_that_is_none_is_not_found(rest: Rest) -> None:
    assert rest.get("/../../readyz/admin").status_code == 404
    assert rest.app.test_client().get("/readyz/admin").status_code == 404


def test_a_host_that_fell_silent_is_named_and_fails_the_agents_while_it_holds_work(
    rest: Rest,
) -> None:
    operation = rest.create("buckets", "files")["operation"]
    own = begin_instance(rest.ctx)
    assert _checks(rest)["hosts"]["detail"].startswith("1 host alive")
    with rest.ctx.write() as session:
        row = session.get_one(Instance, own)
        row.name, row.heartbeat_at = "host-b", row.heartbeat_at - timedelta(minutes=5)
    assert "host-b" not in _checks(rest)["hosts"]["detail"], "it only prepared"
    with rest.ctx.write() as session:
        session.get_one(Instance, own).roles = ["worker"]
    assert "; host-b gave its last sign of life" in _checks(rest)["hosts"]["detail"]
    assert "hosts" not in _failed(rest)
    agents = rest.app.test_client().get("/readyz/agent")
    assert agents.status_code == 200, "it holds nothing"
    with rest.ctx.write() as session:
        held = session.get_one(Operation, operation["id"])
        held.status, held.instance_id = "planning", own
        row = session.get_one(Instance, own)
        row.heartbeat_at -= timedelta(days=1)
    agents = rest.app.test_client().get("/readyz/agent")
    assert agents.status_code == 503
    assert "holds 1 operation." in agents.text
    assert "landform admin gone" in agents.text


def test_who_leads_is_told(rest: Rest) -> None:
    begin_instance(rest.ctx)
    Leadership(rest.ctx).keep()
    assert "leads" in _checks(rest)["hosts"]["detail"]


def test_redis_down_is_named_and_reads_go_on(rest: Rest) -> None:
    record_scheduler_beat(rest.ctx)
    assert _failed(rest) == {"redis", "workers"}
    assert rest.get("/stacks").status_code == 200


def test_without_workers_or_scheduler_it_is_not_ready(
    make_app: MakeApp, fresh_redis_url: str
) -> None:
    rest = Rest(make_app(redis_url=fresh_redis_url))
    assert _failed(rest) == {"workers", "scheduler"}
    record_scheduler_beat(rest.ctx)
    assert _failed(rest) == {"workers"}


def test_a_missing_volume_is_named(rest: Rest) -> None:
    (rest.ctx.settings.state_dir / ".landform-volume").unlink()
    assert "volume" in _failed(rest)
    assert _checks(rest)["volume"]["detail"]


def test_a_foreign_volume_is_named(rest: Rest) -> None:
    sentinel = rest.ctx.settings.state_dir / ".landform-volume"
    content = json.loads(sentinel.read_text())
    other = {name: "vol_other" if name == "id" else value for name, value in content.items()}
    sentinel.chmod(0o600)
    sentinel.write_text(json.dumps(other))
    assert other != content
    assert "vol_other" in _checks(rest)["volume"]["detail"]
    assert "volume" in _failed(rest)


def test_a_missing_terraform_is_named(make_app: MakeApp) -> None:
    rest = Rest(make_app(terraform="/nonexistent/terraform"))
    assert "terraform" in _failed(rest)


@pytest.mark.parametrize("method", ["POST", "TRACE"])
@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_health_is_read_only(reader: Rest, path: str, method: str) -> None:
    answer = reader.call(method, path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


def test_metrics_are_for_prometheus(reader: Rest) -> None:
    answer = reader.get("/metrics")
    assert answer.content_type.startswith("text/plain")
    assert "# TYPE" in answer.text


def test_a_volume_in_trouble_has_the_code_of_its_page_in_the_runbook(rest: Rest) -> None:
    (rest.ctx.settings.state_dir / ".landform-volume").unlink()
    assert _checks(rest)["volume"]["code"] == "volume_missing"
    assert "code" not in _checks(rest)["database"]


def test_a_dead_detector_of_drift_is_named_and_a_late_one_says_so(rest: Rest) -> None:
    record_pulse(rest.ctx)
    assert "last tick" in _checks(rest)["drift_detector"]["detail"]
    stack = rest.create("buckets", "files")["stack"]
    long_ago = utc_now() - timedelta(hours=2)
    with rest.ctx.write() as session:
        row = session.get_one(Stack, stack["id"])
        row.applied_generation, row.schedule.next_check_at = row.generation, long_ago
    assert "1 checks overdue" in _checks(rest)["drift_detector"]["detail"]
    assert "drift_detector" not in _failed(rest)
    with rest.ctx.write() as session:
        session.get_one(InstallationFact, PULSE).updated_at = long_ago
    assert "drift_detector" in _failed(rest)


def test_metrics_tell_of_the_detector_of_drift(rest: Rest) -> None:
    record_pulse(rest.ctx)
    rest.create("buckets", "files")
    text = rest.get("/metrics").text
    assert 'landform_drift_stacks{verdict="not_checked"} 1.0' in text
    assert 'landform_drift_checks_total{verdict="drifted"} 0.0' in text
    assert "landform_drift_check_seconds_count 0.0" in text
    assert "landform_drift_checks_overdue 0.0" in text
    assert "landform_drift_oldest_overdue_seconds 0.0" in text
    assert "landform_drift_detector_last_tick_timestamp_seconds" in text


def test_a_duty_that_fails_for_long_is_named_where_people_look(rest: Rest) -> None:
    since = (utc_now() - 2 * FAILING_AFTER).timestamp()
    young = DutyReport("reap", failing_since=utc_now().timestamp(), error="OSError: once")
    record_duties(
        rest.ctx, [young, DutyReport("count", failing_since=since, error="OSError: full")]
    )
    assert "maintenance" in _failed(rest)
    told = _checks(rest)["maintenance"]["detail"]
    assert "count: OSError: full" in told
    assert "reap" not in told
    figures = rest.get("/metrics").text
    assert 'landform_duty_failing{duty="count"} 1.0' in figures
    assert 'landform_duty_last_success_timestamp_seconds{duty="reap"} 0.0' in figures
