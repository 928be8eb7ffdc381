"""The story of the page of policies is carried out, command by command."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from app.domain.policies import Phase
from app.domain.policy_facts import facts_at
from tests.api.rest import Rest, problem

DOCS = Path(__file__).parents[4] / "docs"
PAGE = (DOCS / "policies.md").read_text(encoding="utf-8")


def commands(page: str) -> list[tuple[str, str, object]]:
    """Return method, path and body of each command of the story."""
    text = (DOCS / page).read_text(encoding="utf-8").partition("## A story")[2]
    blocks = re.findall(r"^```\n(.*?)^```", text, re.M | re.S)
    found: list[tuple[str, str, object]] = []
    for block in blocks:
        texts = re.split(r"^(?=curl )", block, flags=re.M)
        found += [_read(shlex.split(text)) for text in texts if text.strip()]
    return found


def _read(words: list[str]) -> tuple[str, str, object]:
    assert words[:2] == ["curl", "-sf"]
    path = next(word for word in words if word.startswith("$API/")).removeprefix("$API")
    if "-d" not in words:
        return "GET", path, None
    body = json.loads(words[words.index("-d") + 1])
    method = words[words.index("-X") + 1] if "-X" in words else "POST"
    return method, path, body


def test_each_command_of_the_story_works_and_does_what_the_page_says(rest: Rest) -> None:
    def network(name: str, **more: object) -> dict[str, object]:
        return {"name": name, "cloud_account": "sandbox", **more}

    make, dry_run, enable, lift = commands("policies.md")
    for method, path, body in (make, dry_run, enable):
        answer = rest.call(method, path, json=body, headers={"If-Match": "*"})
        assert answer.status_code in (200, 201), answer.text
    problem(rest.post("/networks", network("web", region="us-east")), 409, "policy_denied")
    without = rest.post("/networks", network("web"))
    assert without.json["operation"]["policies"][0]["verdict"] == "needs_approval"
    method, path, body = lift
    assert rest.call(method, path, json=body).status_code == 201
    assert rest.post("/networks", network("legacy", region="us-east")).status_code == 202


def test_each_command_of_the_story_of_cost_works(rest: Rest) -> None:
    for method, path, body in commands("cost.md"):
        answer = rest.call(method, path, json=body)
        assert answer.status_code in (200, 201), answer.text
    assert len(rest.get("/policies/budgets").json["policies"]) == 2


def test_the_page_names_every_fact() -> None:
    told = set(re.findall(r"`([a-z_.]+)`", PAGE))
    for phase in Phase:
        for name in facts_at(phase, {}):
            family, _, field = name.partition(".")
            assert {name, f".{field}"} & told, f"{family}.{field}"
