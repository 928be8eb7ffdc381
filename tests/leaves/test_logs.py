"""A known secret does not get into a log line, not even by a traceback or another library."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from app import logs
from app.domain.redaction import SENSITIVE, Redactor

SECRET = 'canary "quoted" & more'


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    logs.hide_in_logs(lambda text: text)
    root.handlers, root.level = handlers, level


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_secret_is_hidden_in_events_tracebacks_and_the_lines_of_libraries(
    shape: str, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure_logging("INFO", shape)
    logs.hide_in_logs(Redactor([SECRET]).text)
    try:
        int(SECRET)
    except ValueError:
        logs.get_logger("tests").exception("crashed", value=SECRET)
    logging.getLogger("library").warning("it said %s", SECRET)
    told = capsys.readouterr().err
    assert "canary" not in told
    assert told.count(SENSITIVE) == 3
    if shape == "json":
        assert [json.loads(line)["level"] for line in told.splitlines()] == ["error", "warning"]


def test_the_secrets_of_the_next_operation_take_the_place_of_the_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    logs.configure_logging("INFO", "json")
    logs.hide_in_logs(Redactor(["first-secret"]).text)
    logs.hide_in_logs(Redactor(["second-secret"]).text)
    logging.getLogger("library").warning("first-secret second-secret")
    told = capsys.readouterr().err
    assert "second-secret" not in told
    assert "first-secret" in told
