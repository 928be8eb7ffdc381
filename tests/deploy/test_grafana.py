"""The dashboard shows metrics that there are, and is whole by structure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from tests.checks.tree import ROOT
from tests.deploy.conftest import Exported
from tests.deploy.expressions import find_faults, metrics_of
from tests.deploy.test_prometheus import rules

TEXT = (ROOT / "deploy" / "grafana" / "landform.json").read_text(encoding="utf-8")
DASHBOARD: dict[str, Any] = json.loads(TEXT)
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
WIDTH = 24
NOT_DRAWN = {"landform_duty_last_success_timestamp_seconds"}
"""Watched by an alert; a curve of it says nothing."""


def expressions() -> Iterator[str]:
    for panel in PANELS:
        yield from (target["expr"] for target in panel.get("targets", ()))


def test_every_panel_asks_for_what_is_exported(exported: Exported) -> None:
    faults = [fault for item in expressions() for fault in find_faults(item, exported)]
    assert faults == []
    variables = [item for item in DASHBOARD["templating"]["list"] if item["type"] == "query"]
    assert metrics_of(" ".join(item["query"] for item in variables)) <= exported.names


def test_what_alerts_are_about_is_drawn() -> None:
    drawn = metrics_of(" ".join(expressions()))
    alarming = metrics_of(" ".join(rule["expr"] for rule in rules()))
    assert alarming - drawn == NOT_DRAWN


def test_every_panel_is_whole_and_none_lies_on_another() -> None:
    numbers = [panel["id"] for panel in PANELS]
    assert len(set(numbers)) == len(numbers)
    for panel in PANELS:
        place = panel["gridPos"]
        assert panel["title"]
        assert place["x"] + place["w"] <= WIDTH
        if panel["type"] != "row":
            assert panel["targets"]
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert not any(overlap(one, other) for one, other in combinations(PANELS, 2))


def test_every_expression_is_of_the_job_that_was_chosen() -> None:
    for item in expressions():
        assert item.count('{job=~"$job"') == item.count("landform_")
    named = {item["name"] for item in DASHBOARD["templating"]["list"]}
    assert named == {"datasource", "job"}
    assert {"id", "__inputs", "iteration"}.isdisjoint(DASHBOARD), "nothing of one Grafana"


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    first, second = one["gridPos"], other["gridPos"]
    return all(
        first[edge] < second[edge] + second[size] and second[edge] < first[edge] + first[size]
        for edge, size in (("x", "w"), ("y", "h"))
    )
