"""Requests are counted by area; tests/api/resources/health has what is counted of them."""

from __future__ import annotations

import pytest

from app.web.http_metrics import area_of


@pytest.mark.parametrize(
    ("path", "area"),
    [
        ("/api/v1/stacks", "api"),
        ("/static/x.css", "static"),
        ("/stacks", "console"),
        ("/", "console"),
    ],
)
def test_a_path_belongs_to_one_of_three_areas(path: str, area: str) -> None:
    assert area_of(path) == area
