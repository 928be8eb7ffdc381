"""A denial names what forbids in its sentence, and all that spoke in its context."""

from __future__ import annotations

from app.domain.policies import Phase, PolicySeverity, Verdict
from app.domain.policy_errors import PolicyDeniedError
from app.domain.policy_results import PolicyResult, PolicySource
from app.errors import ConflictError

SOURCE = PolicySource("pol_1", "basics", 3)


def result(
    policy: str, verdict: Verdict, message: str, override: str | None = None
) -> PolicyResult:
    return PolicyResult(
        SOURCE,
        policy,
        Phase.REQUEST,
        verdict,
        message,
        PolicySeverity.HIGH,
        override_id=override,
    )


def test_only_what_forbids_is_in_the_sentence_and_the_problems() -> None:
    results = [
        result("regions", Verdict.DENY, "us-east is not ours."),
        result("sizes", Verdict.WARN, "large is dear."),
        result("labels", Verdict.DENY, "owner is missing."),
        result("public", Verdict.DENY, "Nothing is public.", override="ovr_1"),
    ]
    error = PolicyDeniedError.of(results)
    assert error.detail == (
        "Forbidden by policy. regions: us-east is not ours. labels: owner is missing."
    )
    assert [problem.message for problem in error.problems] == [
        "regions: us-east is not ours.",
        "labels: owner is missing.",
    ]
    assert [item["policy"] for item in error.context["policies"]] == [
        *("regions", "sizes", "labels", "public"),
    ]
    assert error.code == "policy_denied"
    assert isinstance(error, ConflictError), "409"
