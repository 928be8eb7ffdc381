"""The API breaks no client of the last release without saying so, why, and what to use instead."""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.api.openapi.breaks import find_breaks

DOCS = REPOSITORY_ROOT / "docs"
REGISTER = tomllib.loads((DOCS / "openapi-breaks.toml").read_text(encoding="utf-8"))
NOW: dict[str, Any] = json.loads((DOCS / "openapi.json").read_text(encoding="utf-8"))
KINDS = ("networks", "existing-networks", "buckets", "clusters", "databases", "machine-groups")
KIND = re.compile(rf"/api/v1/({'|'.join(KINDS)})\b")
STACKS = "/api/v1/stacks"


def last_release() -> dict[str, Any]:
    (kept,) = DOCS.glob("openapi-*.json")
    document: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    assert kept.name == f"openapi-{document['info']['version']}.json"
    return document


def test_every_break_is_declared_and_every_declared_one_is_there() -> None:
    found = {KIND.sub("/api/v1/{plural}", item) for item in find_breaks(last_release(), NOW)}
    declared = [row["what"] for row in REGISTER.get("break", [])]
    assert found - set(declared) == set(), "a break of clients: undo it, or declare it"
    assert set(declared) - found == set(), "no break any more: remove the row"
    assert len(declared) == len(set(declared))
    assert all(row["why"] and row["instead"] for row in REGISTER.get("break", []))


def _get(document: dict[str, Any], path: str = STACKS) -> dict[str, Any]:
    operation: dict[str, Any] = document["paths"][path]["get"]
    return operation


def _forget_path(document: dict[str, Any]) -> None:
    del document["paths"][STACKS]


def _forget_parameter(document: dict[str, Any]) -> None:
    kept = [one for one in _get(document)["parameters"] if one["name"] != "label"]
    _get(document)["parameters"] = kept


def _demand_parameter(document: dict[str, Any]) -> None:
    next(one for one in _get(document)["parameters"] if one["name"] == "label")["required"] = True


def _change_parameter(document: dict[str, Any]) -> None:
    (limit,) = (one for one in _get(document)["parameters"] if one["name"] == "limit")
    limit["schema"] = {"type": "boolean"}


def _forget_member(document: dict[str, Any]) -> None:
    del document["components"]["schemas"]["StackView"]["properties"]["region"]


def _leave_member_out(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["StackView"]["required"].remove("region")


def _show_null(document: dict[str, Any]) -> None:
    view = document["components"]["schemas"]["StackView"]["properties"]
    view["region"] = {"type": ["string", "null"]}


def _demand_member(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["NewProjectBody"].setdefault("required", []).append("title")


def _take_less(document: dict[str, Any]) -> None:
    document["components"]["schemas"]["AutoApply"]["enum"].remove("never")


def _give_another_answer(document: dict[str, Any]) -> None:
    answers = document["paths"]["/api/v1/projects"]["post"]["responses"]
    answers["200"] = answers.pop("201")


BREAKS: dict[Callable[[dict[str, Any]], None], str] = {
    _forget_path: f"GET {STACKS}: is gone",
    _forget_parameter: f"GET {STACKS}: takes no label any more",
    _demand_parameter: f"GET {STACKS}: demands label",
    _change_parameter: f"GET {STACKS}: parameter limit: is integer beside boolean",
    _forget_member: f"GET {STACKS}: answer.items[].region: is gone",
    _leave_member_out: f"GET {STACKS}: answer.items[].region: may be left out",
    _show_null: f"GET {STACKS}: answer.items[].region: is null or string beside string",
    _demand_member: "POST /api/v1/projects: body.title: is demanded",
    _take_less: "POST /api/v1/networks: body.auto_apply: takes no never any more",
    _give_another_answer: "POST /api/v1/projects: answers 201 no more",
}


@pytest.mark.parametrize("change", BREAKS, ids=lambda change: change.__name__.strip("_"))
def test_a_break_is_found(change: Callable[[dict[str, Any]], None]) -> None:
    changed = copy.deepcopy(NOW)
    change(changed)
    assert BREAKS[change] in find_breaks(NOW, changed)


@pytest.mark.parametrize("change", BREAKS, ids=lambda change: change.__name__.strip("_"))
def test_what_only_adds_is_no_break(change: Callable[[dict[str, Any]], None]) -> None:
    if change in (_demand_parameter, _demand_member, _change_parameter, _give_another_answer):
        pytest.skip("its opposite is a change of its own")
    changed = copy.deepcopy(NOW)
    change(changed)
    assert find_breaks(changed, NOW) == []


def test_a_document_breaks_no_client_of_itself() -> None:
    assert find_breaks(NOW, NOW) == []
