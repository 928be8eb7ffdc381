"""Numbers that no float holds, nulls, controls and floods go through Landform unharmed.

With real Terraform, over the API as a client meets it; on both databases.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.console.operations.read_detail import LOG_LINES
from app.factory import create_app
from app.models import OperationEvent
from app.services.installation.setup import prepare
from app.terraform.output_budget import MAX_LINES
from sandbox.provider.install import install
from tests.conftest import MakeSettings
from tests.landform import NOWHERE
from tests.working_client import WorkingClient

SHIPPED = Path(__file__).parents[3] / "terraform"
EXAMPLES = Path(__file__).parents[2] / "blueprints"
KINDS = ("quantity", "taker", "mishap")
WHOLE = 98765432109876543210
HUGE = "1" + "0" * 400
REAL = "0.12345678901234567890123456789"
MAX_DETAIL_BYTES = 16 * 1024


@pytest.fixture
def client(make_prepared_settings: MakeSettings, tmp_path: Path) -> Iterator[WorkingClient]:
    root = tmp_path / "terraform"
    shutil.copytree(SHIPPED, root)
    for name in KINDS:
        shutil.copytree(EXAMPLES / name, root / "blueprints" / name)
    settings = make_prepared_settings(redis_url=NOWHERE, catalog_root=root, log_level="ERROR")
    prepare(settings, "a token of no cloud")
    install(settings.sandbox_mirror)
    made = WorkingClient(create_app(settings))
    yield made
    made.ctx.db.close()


def strictly(text: str) -> Any:
    """Read JSON as a reader does that knows no NaN, with every digit."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_float=Decimal, parse_constant=refuse)


def test_numbers_are_exact_in_answers_and_downstream(client: WorkingClient) -> None:
    given = 12345678901234567891
    source = client.made("quantity", "quantities", parameters={"given": given})
    answer = client.get(f"/stacks/{source['id']}")
    shown = strictly(answer.text)
    assert shown["parameters"]["given"] == given
    assert shown["outputs"] == {
        "given": given,
        "whole": WHOLE,
        "huge": HUGE,
        "real": Decimal(REAL),
        "nothing": None,
        "secret": 12345678909876543210,
    }
    assert shown["inexact"] == ["huge"]
    assert REAL in answer.text
    taker = client.made("taker", parameters={"source": source["id"]})
    texts = strictly(client.get(f"/stacks/{taker['id']}").text)["outputs"]
    assert texts["whole"] == WHOLE
    assert texts["texts"] == {
        "whole": str(WHOLE),
        "huge": HUGE,
        "real": REAL,
        "nothing": "null",
        "secret": "exact",
    }
    again = client.perform(taker, type="apply")
    assert again["status"] == "planned_and_finished", "nothing was rounded on the way"
    for path in (f"/operations/{again['id']}/events", f"/stacks/{source['id']}/operations"):
        strictly(client.get(path).text)
    first = client.shown(f"/stacks/{source['id']}/operations")["items"][-1]
    plan = client.get(f"/operations/{first['id']}/plan").text
    changed = {item["name"]: item["after"] for item in strictly(plan)["outputs"]}
    assert (changed["real"], changed["huge"]) == (Decimal(REAL), HUGE)


def test_a_decimal_of_many_digits_is_taken_as_it_is_sent(client: WorkingClient) -> None:
    body = {"name": "q", "cloud_account": "sandbox", "parameters": {"given": 0}}
    text = json.dumps(body).replace('"given": 0', f'"given": {REAL}')
    answer = client.call(
        "POST", "/quantities", data=text, headers={"Content-Type": "application/json"}
    )
    done = client.work(answer)
    assert done["status"] == "applied", done["error"]
    shown = strictly(client.get(f"/stacks/{done['stack_id']}").text)
    assert shown["parameters"]["given"] == shown["outputs"]["given"] == Decimal(REAL)


def test_controls_in_the_output_of_a_program_are_shown_and_act_on_nothing(
    client: WorkingClient,
) -> None:
    done = client.make("mishap", parameters={"how": "controls"})
    assert done["status"] == "applied", done["error"]
    log = client.get(f"/operations/{done['id']}/log").text
    assert "a\ufffdb red \ufffd end" in log
    assert not {"\x00", "\x1b"} & set(log)
    events = client.shown(f"/operations/{done['id']}/events", limit=LOG_LINES)["items"]
    assert not any("\x00" in item["message"] or "\x1b" in item["message"] for item in events)


def test_what_a_failing_check_says_is_in_log_and_events(client: WorkingClient) -> None:
    done = client.make("mishap", parameters={"how": "check"})
    assert done["status"] == "applied", done["error"]
    told = "Check block assertion failed: The well is dry; ask the gardener."
    assert told in client.get(f"/operations/{done['id']}/log").text
    events = client.shown(f"/operations/{done['id']}/events", limit=LOG_LINES)["items"]
    (first, *_) = [item for item in events if told in item["message"]]
    assert first["level"] == "warn"
    assert first["data"]["diagnostic"]["detail"] == "The well is dry; ask the gardener."


def test_an_error_of_more_than_a_megabyte_begins_with_its_summary_and_is_cut(
    client: WorkingClient,
) -> None:
    done = client.make("mishap", parameters={"how": "flood"})
    error = done["error"]
    assert (done["status"], error["is_cut"]) == ("errored", True)
    beginning = "Resource precondition failed: The well is flooded. 0123456789abcd"
    assert error["detail"].startswith(beginning)
    assert len(error["detail"].encode()) <= MAX_DETAIL_BYTES
    listed = client.shown(f"/stacks/{done['stack_id']}/operations")["items"][0]["error"]
    assert listed.keys() == {"code", "title", "detail", "advice", "is_cut"}
    assert listed["detail"].startswith(beginning)
    assert len(json.dumps(listed)) < 2000
    whole = len(client.get(f"/operations/{done['id']}").text)
    assert whole < 2 * MAX_DETAIL_BYTES, "what is long is told once"
    events = client.get(f"/operations/{done['id']}/events", limit=LOG_LINES).text
    assert len(events) < 3 * MAX_DETAIL_BYTES


def test_a_program_that_prints_without_end_fills_no_database(client: WorkingClient) -> None:
    done = client.make("mishap", parameters={"how": "torrent"})
    assert done["status"] == "errored"
    with client.ctx.read() as session:
        rows = session.scalars(
            select(OperationEvent).where(OperationEvent.operation_id == done["id"])
        ).all()
    told = [row.message for row in rows if row.type == "provision_progress"]
    assert 1000 < len(told) <= MAX_LINES
    assert len(rows) < MAX_LINES + 100
    assert [row.level for row in rows if "is not kept" in row.message] == ["warn"]
    assert any(row.type == "apply_errored" for row in rows), "what became of it is known"
    assert any(row.level == "error" and "exit status 3" in row.message for row in rows)
    assert "exit status 3" in done["error"]["detail"]
