"""One trace from what asked for an operation through its steps to its resources and Terraform."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator

import pytest

from app.domain.operations import AutoApply, OperationType
from app.logs import configure_logging
from app.models import Operation, Stack
from app.services.engine.claims import claim
from app.services.engine.recovery import dead_runs
from app.services.operations import control
from app.services.work import perform
from app.terraform.identity import ProcessIdentity
from app.tracing.context import TraceContext, new_trace, within
from app.tracing.span import Span
from app.tracing.tracer import send_spans_with
from tests.landform import ADMIN, Landform

SECRET = "s3cret-value-of-a-tag"


class Sent:
    """What would be exported."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.of_terraform: list[tuple[TraceContext, bytes]] = []

    def named(self, name: str) -> list[Span]:
        return [item for item in self.spans if item.name == name]

    def one(self, name: str) -> Span:
        (found,) = self.named(name)
        return found


@pytest.fixture
def sent() -> Iterator[Sent]:
    made = Sent()
    send_spans_with(
        made.spans.append, lambda parent, body: made.of_terraform.append((parent, body))
    )
    yield made
    send_spans_with(None)


def test_an_apply_is_one_trace_from_the_request_to_its_resources(
    landform: Landform, sent: Sent
) -> None:
    root = new_trace(1.0)
    with within(root):
        stack, operation = landform.create(
            "network", "net", parameters={"zones": 1}, labels={"owner": SECRET}
        )
    done = landform.carry_out(operation)
    assert done.status == "applied", done.error
    assert {item.context.trace_id for item in sent.spans} == {root.trace_id}
    work = sent.one(f"operation {operation.type}")
    assert sent.one("wait for queue").parent_id == root.span_id
    parents = {item.context.span_id: item for item in sent.spans}
    steps = [item for item in sent.spans if item.parent_id == work.context.span_id]
    assert {"prepare", "init", "plan", "save"} <= {item.name for item in steps}
    made = [item for item in sent.spans if item.name.startswith("create ")]
    assert made
    for item in made:
        assert item.parent_id is not None
        assert parents[item.parent_id].name == "apply"
        assert item.attributes["terraform.action"] == "create"
    below = Counter(parents[parent.span_id].name for parent, _ in sent.of_terraform)
    assert below.keys() >= {"plan", "apply"}
    assert any(b"terraform apply" in body for _, body in sent.of_terraform)
    told = repr(sent.spans)
    assert SECRET not in told
    assert stack.id in told


def test_the_wait_for_approval_is_a_span_of_the_same_trace(landform: Landform, sent: Sent) -> None:
    root = new_trace(1.0)
    with within(root):
        _, operation = landform.create(
            "network", "net", parameters={"zones": 1}, auto_apply=AutoApply.NEVER
        )
    planned = landform.carry_out(operation)
    assert planned.status == "planned", planned.error
    with perform(landform.ctx, ADMIN) as work:
        control.approve(work, operation.id)
    assert landform.carry_out(operation).status == "applied"
    wait = sent.one("wait for approval")
    assert (wait.context.trace_id, wait.parent_id) == (root.trace_id, root.span_id)
    assert len(sent.named("wait for queue")) == 2
    assert {item.context.trace_id for item in sent.spans} == {root.trace_id}


def test_a_failure_is_named_by_its_type_alone(landform: Landform, sent: Sent) -> None:
    landform.cloud.set_faults(failure_rate=1.0)
    with within(new_trace(1.0)):
        _, operation = landform.create("network", "net", parameters={"zones": 1})
    assert landform.carry_out(operation).status in {"errored", "interrupted"}
    assert any(item.error for item in sent.spans)
    assert "sandbox" not in repr([item.error for item in sent.spans]), "never the cloud's words"


def test_what_landform_asks_itself_begins_a_trace(
    landform: Landform, network: Stack, sent: Sent
) -> None:
    checked = landform.perform(network, OperationType.DRIFT_CHECK)
    begun = sent.one("schedule")
    assert begun.parent_id is None
    assert checked.traceparent == begun.context.header()
    assert {item.context.trace_id for item in sent.spans} == {begun.context.trace_id}


def test_work_whose_process_is_gone_is_a_span_of_its_trace_too(
    landform: Landform, sent: Sent
) -> None:
    root = new_trace(1.0)
    with within(root):
        _, operation = landform.create("network", "net", parameters={"zones": 1})
    nobody = {"pid": 2**22 + 1, "start_time": 1, "pgid": 2**22 + 1}
    dead = {**ProcessIdentity.of(os.getpid()).to_dict(), **nobody}
    assert claim(landform.ctx, operation.id, "dead", dead) is not None
    assert dead_runs.reap(landform.ctx) == [operation.id]
    lost = sent.one(f"operation {operation.type}")
    assert (lost.context.trace_id, lost.parent_id) == (root.trace_id, root.span_id)
    assert lost.error == "abandoned"
    assert landform.carry_out(operation).status == "applied"
    assert [item.error for item in sent.named(f"operation {operation.type}")] == ["abandoned", None]


@pytest.mark.usefixtures("restored_logs")
def test_log_lines_of_an_operation_name_it_its_request_and_its_trace(
    landform: Landform, capsys: pytest.CaptureFixture[str]
) -> None:
    root = new_trace(0.0)
    with within(root):
        _, operation = landform.create("network", "net", parameters={"zones": 1})
    with landform.ctx.write() as session:
        session.get_one(Operation, operation.id).request_id = "req-7"
    configure_logging("INFO", "json")
    landform.carry_out(operation)
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line[:1] == "{"]
    (told,) = [line for line in lines if line["event"] == "operation_left"]
    assert (told["operation_id"], told["request_id"], told["trace_id"]) == (
        operation.id,
        "req-7",
        root.trace_id,
    )


def test_without_traces_nothing_is_kept_or_listened_for(landform: Landform) -> None:
    _, operation = landform.create("network", "net", parameters={"zones": 1})
    assert operation.traceparent is None
    assert landform.carry_out(operation).status == "applied"
