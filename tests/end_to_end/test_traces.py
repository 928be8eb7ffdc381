"""One trace through all processes of a Landform, and a collector that is dead, hangs or is good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.otlp_collector import Collector, collecting
from tests.running import RunningLandform, running_landform, wait_until

pytest.importorskip("opentelemetry.sdk", reason="`make install-otel` was not run")

PATIENCE_SECONDS = 300.0
TRACE = "0af7651916cd43dd8448eb211c80319c"
GIVEN = f"00-{TRACE}-b7ad6b7169203331-01"
KEY = "key-of-the-collector"

pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as started:
        yield started


def variables(url: str) -> dict[str, str]:
    return {
        "LANDFORM_TRACES": "true",
        "LANDFORM_WORKERS": "1",
        "OTEL_EXPORTER_OTLP_ENDPOINT": url,
        "OTEL_EXPORTER_OTLP_HEADERS": f"x-key={KEY}",
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


def create(landform: RunningLandform, name: str) -> dict[str, Any]:
    landform.http.headers["traceparent"] = GIVEN
    try:
        made = landform.create(name)
    finally:
        del landform.http.headers["traceparent"]
    return landform.end_of(made["operation"]["id"], PATIENCE_SECONDS)


def test_one_trace_spans_api_worker_and_terraform(tmp_path: Path, collector: Collector) -> None:
    with running_landform(tmp_path / "home", **variables(collector.url)) as landform:
        done = create(landform, "net")
        assert done["status"] == "applied", done

        def has_all() -> bool:
            names = {item.name for item in collector.spans if item.trace_id == TRACE}
            wanted = {"POST /api/v1/networks", "wait for queue", "plan", "save", "terraform apply"}
            return wanted <= names

        wait_until(has_all, "the spans of all processes", PATIENCE_SECONDS)
        lines = landform.log_lines()
        terraform_environment = (tmp_path / "home").rglob("*.stderr")
        assert not any(KEY in path.read_text(errors="replace") for path in terraform_environment)
    ours = {item.span_id: item for item in collector.spans if item.trace_id == TRACE}
    (post,) = collector.named("POST /api/v1/networks")
    assert (post.parent_id, post.role) == ("b7ad6b7169203331", "web")
    for item in ours.values():
        above = item
        while above is not post:
            above = ours[above.parent_id]
    assert {item.service for item in ours.values()} == {"landform", "terraform"}
    assert {item.role for item in ours.values()} >= {"web", "agent"}
    assert all(headers["x-key"] == KEY for headers in collector.headers)
    told = [line for line in lines if line.get("operation_id") == done["id"]]
    claimed = [line for line in told if line["event"] == "operation_claimed"]
    asked = [line for line in lines if line.get("trace_id") == TRACE and line["event"] == "request"]
    assert {line["trace_id"] for line in claimed} == {TRACE}
    assert {line["request_id"] for line in claimed} == {asked[0]["request_id"]}
    assert all(line.get("instance_id") for line in (*claimed, *asked))


@pytest.mark.parametrize("trouble", ["dead", "hangs"])
def test_a_bad_collector_fails_no_request_and_no_apply(tmp_path: Path, trouble: str) -> None:
    with collecting(hangs=True) as bad:
        url = bad.url if trouble == "hangs" else "http://127.0.0.1:1"
        with running_landform(tmp_path / "home", **variables(url)) as landform:
            done = create(landform, "net")
            assert done["status"] == "applied", done
            if trouble == "hangs":
                wait_until(bad.asked.is_set, "an export that hangs", PATIENCE_SECONDS)
            status, checks = landform.readiness()
            assert status == 200, checks
            assert create(landform, "second")["status"] == "applied"
        assert bad.spans == []
