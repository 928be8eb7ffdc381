"""How long ``Prefer: wait`` may hold an answer."""

from __future__ import annotations

import pytest
from flask import Flask

from app.api.http.requests import wait_seconds


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [
        ("", 0),
        ("wait=0", 0),
        ("wait=1", 1),
        ("wait=29", 29),
        ("wait=30", 30),
        ("wait=31", 30),
        ("wait=9999", 30),
        ("respond-async, wait=40", 30),
        ("wait=99999", 0),
        ("wait=-1", 0),
        ("awaits=5", 0),
    ],
)
def test_an_answer_is_held_for_thirty_seconds_at_most(app: Flask, sent: str, seconds: int) -> None:
    with app.test_request_context(headers={"Prefer": sent}):
        assert wait_seconds() == seconds
