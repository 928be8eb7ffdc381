"""What is printed: tables that fit, text that no terminal obeys, times in short."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
import yaml

from landform_client.command.output import one_line, show_data, show_list, to_yaml
from landform_client.command.progress import Followed, describe_plan
from landform_client.command.terminal import age, fit, printable


@pytest.mark.parametrize("columns", [1, 10, 30, 40, 60, 80, 200])
def test_a_line_of_a_table_fits_and_its_first_cell_stays_whole(columns: int) -> None:
    fitted = fit([10, 8, 50, 5, 60], columns)
    assert sum(fitted) + 2 * (len(fitted) - 1) <= max(columns, 10)
    assert fitted[0] == 10
    assert fit([3, 4], 80) == [3, 4]


def test_text_that_a_terminal_would_obey_is_not_printed() -> None:
    assert printable("a\x1b[31mb\nc\u202ed\x9b") == "a�[31mb�c�d�"
    assert printable("café → 東京") == "café → 東京"
    assert one_line({"a": ["\x1b"]}) == '{"a": ["\\u001b"]}'


def test_an_age_is_short() -> None:
    now = datetime(2026, 12, 1, tzinfo=UTC)
    ages = {
        age((now - timedelta(seconds=seconds)).isoformat(), now)
        for seconds in (-5, 59, 60, 3600, 86400 * 40)
    }
    assert ages == {"0s", "59s", "1m", "1h", "40d"}
    assert age(None) == "-"


def test_data_keeps_its_numbers_and_order(capsys: pytest.CaptureFixture[str]) -> None:
    data = {"b": Decimal("0.1234567890123456789012345"), "a": [10**30, "yes", None]}
    show_data("json", data)
    assert '"b": 0.1234567890123456789012345' in capsys.readouterr().out
    text = to_yaml(data)
    assert text.startswith("b: 0.1234567890123456789012345\n")
    assert yaml.safe_load(text)["a"] == [10**30, "yes", None]


def test_a_list_is_shown_in_every_form(capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"n": "one"}, {"n": "t\x1bwo"}]
    for form in ("name", "table", "json", "yaml"):
        show_list(form, items, ("NAME",), lambda item: [item["n"]], lambda item: item["n"])
    out = capsys.readouterr().out
    assert out.startswith("one\nt�wo\nNAME\none\nt�wo\n[\n")
    assert "\x1b" not in out


def test_progress_says_why_an_operation_waits() -> None:
    operation = {
        "type": "drift_check",
        "status": "planned",
        "steps": [],
        "plan": {"add": 2, "destroy": 0},
        "waiting_for": {"reason": "approval", "detail": "…"},
    }
    followed = Followed("network/web", operation)  # type: ignore[arg-type]  # what is read of it
    assert followed.has_ended
    assert followed.describe() == "network/web  drift check planned: awaits approval (add 2)"
    operation["waiting_for"] = {"reason": "worker", "detail": "Waits\x1b for a worker."}
    assert followed.describe().endswith("planned: Waits� for a worker.")
    operation |= {"waiting_for": None, "plan": None}
    assert describe_plan(followed.operation) == "no changes"
