"""How long policies take: a plan of 2,000 changes, and a rule that is made to last for ever."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from app.catalog.loader import load_catalog
from app.cel.evaluation import TOO_LONG, Given, Rule, evaluate
from app.config.settings import Settings
from app.domain.policies import Phase, Policy, Verdict
from app.domain.policy_results import PolicySource
from app.services.policies.judging import AskedPolicy, judge

CHANGES, ROUNDS = 2000, 9
RULE = "change.action != 'replace' || !change.type.startsWith('aws_db')"
HOSTILE = "['aaaaaaaaaa']" + ".map(y, y + y + y + y + y + y + y + y + y + y)" * 9 + ".size() > 0"


def policy_rows() -> dict[str, str]:
    """Return what was measured, the start of the child included."""
    catalog = load_catalog(
        Settings.model_fields["catalog_root"].get_default(call_default_factory=True)
    )
    policy = Policy("kept", RULE, (Phase.PLAN,), Verdict.DENY, "{change.address} goes.")
    asked = [AskedPolicy(PolicySource("pol", "bench", 1), policy)]
    given = Given({"plan.destroy": 0}, [_change(number) for number in range(CHANGES)])

    def ask() -> None:
        results = judge(catalog, asked, Phase.PLAN, given)
        assert [result.resource_count for result in results] == [1]

    def refuse() -> None:
        [answer] = evaluate([{}], [Given({})], [Rule(HOSTILE, 0, 0)])
        assert answer.error == TOO_LONG

    middle, slow = _times(ask)
    stopped, _ = _times(refuse)
    return {
        f"a policy asked about a plan of {CHANGES:,} changes, {ROUNDS} rounds": (
            f"p50 {middle * 1000:.0f} ms, longest {slow * 1000:.0f} ms"
        ),
        "a policy that would take gigabytes, until it is refused": f"p50 {stopped * 1000:.0f} ms",
    }


def _times(act: Callable[[], None]) -> tuple[float, float]:
    found = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        act()
        found.append(time.perf_counter() - began)
    found.sort()
    return found[len(found) // 2], found[-1]


def _change(number: int) -> dict[str, Any]:
    after = {f"attribute_{place}": f"value {place} of {number}" for place in range(20)}
    is_last = number == CHANGES - 1
    return {
        "change.address": f"aws_instance.this[{number}]",
        "change.type": "aws_db_instance" if is_last else "aws_instance",
        "change.name": "this",
        "change.action": "replace" if is_last else "create",
        "change.before": {},
        "change.after": after,
    }
