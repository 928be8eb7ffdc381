"""Prometheus is told of operations, processes, room and requests."""

from __future__ import annotations

from sqlalchemy import text

from tests.api.rest import Rest

COUNT = "landform_http_request_seconds_count{"


def test_requests_are_counted_and_what_watches_is_not(reader: Rest) -> None:
    reader.get("/stacks")
    reader.get("/stacks/nothing")
    reader.call("BREW", "/stacks")
    shown = reader.get("/metrics").text
    lines = [
        line for line in shown.splitlines() if line.startswith("landform_http_request_seconds_c")
    ]
    labels = {line.partition("{")[2].partition("}")[0] for line in lines if "count" in line}
    assert 'area="api",method="GET",status="2xx"' in labels
    assert 'area="api",method="GET",status="4xx"' in labels
    assert 'area="api",method="other",status="4xx"' in labels
    assert not any("BREW" in label or "stk_" in label for label in labels)
    before = [line for line in lines if 'area="console"' in line]
    reader.get("/healthz")
    again = reader.get("/metrics").text.splitlines()
    assert [line for line in again if line in before] == before


def test_metrics_tell_of_operations_and_processes(rest: Rest) -> None:
    rest.made("buckets", "done")
    rest.create("buckets", "waits")
    shown = rest.get("/metrics").text
    assert 'landform_operations_unfinished{status="pending"} 1.0' in shown
    assert 'landform_operations_ended_day{status="applied"} 1.0' in shown
    assert "landform_operations_unresolved 0.0" in shown
    assert 'landform_operation_lead_seconds{quantile="0.95"}' in shown
    assert 'landform_instances{status="alive"}' in shown
    assert 'landform_check_ok{check="redis"} 0.0' in shown
    assert 'landform_disk_free_bytes{place="volume"}' in shown
    assert "landform_workers" not in shown, "unknown while Redis is away, which is not none"


def test_a_database_that_fails_hides_no_check(rest: Rest) -> None:
    with rest.ctx.write() as session:
        session.execute(text("DROP TABLE installation_facts"))
    shown = rest.get("/metrics").text
    assert 'landform_check_ok{check="database"} 0.0' in shown
