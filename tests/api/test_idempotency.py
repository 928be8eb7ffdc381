"""The Idempotency-Key makes every POST safe to send again."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app.clock import utc_now
from app.models import IdempotencyRecord, Operation, Stack, StackOutput
from app.services.secrets import seal_json
from tests.api.rest import Rest, problem

NEW = {"name": "web", "cloud_account": "sandbox"}


def _post(rest: Rest, key: str, path: str = "/networks", body: Any = None) -> Any:
    return rest.call(
        "POST", path, json=NEW if body is None else body, headers={"Idempotency-Key": key}
    )


def test_the_same_request_gives_the_first_answer_again(rest: Rest) -> None:
    first, second = _post(rest, "one"), _post(rest, "one")
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (second.status_code, second.json) == (first.status_code, first.json)
    for name in ("Location", "ETag", "Retry-After"):
        assert second.headers[name] == first.headers[name]
    assert rest.count(Stack) == rest.count(Operation) == 1


@pytest.mark.parametrize(
    ("path", "body"), [("/networks", {**NEW, "name": "other"}), ("/buckets", NEW)]
)
def test_the_same_key_for_another_request_is_refused(
    rest: Rest, path: str, body: dict[str, str]
) -> None:
    _post(rest, "one")
    problem(_post(rest, "one", path, body), 422, "idempotency_mismatch")
    assert rest.count(Stack) == 1


def test_a_key_belongs_to_its_user(rest: Rest) -> None:
    _post(rest, "one")
    answer = _post(rest.as_member("operator"), "one", body={**NEW, "name": "other"})
    assert answer.status_code == 202
    assert "Idempotent-Replayed" not in answer.headers


def test_a_refused_request_leaves_its_key_free(rest: Rest) -> None:
    problem(_post(rest, "one", body={**NEW, "region": "mars"}), 422, "validation_failed")
    assert _post(rest, "one").status_code == 202


def test_an_expired_key_may_be_used_anew(rest: Rest) -> None:
    _post(rest, "one")
    with rest.ctx.write() as session:
        past = utc_now() - timedelta(seconds=1)
        session.execute(update(IdempotencyRecord).values(expires_at=past))
    answer = _post(rest, "one", body={**NEW, "name": "other"})
    assert (answer.status_code, rest.count(Stack)) == (202, 2)


@pytest.mark.parametrize("key", ["", "x" * 256, "é", "a\tb"])
def test_a_malformed_key_is_refused(rest: Rest, key: str) -> None:
    problem(_post(rest, key), 422, "validation_failed")
    assert rest.count(Stack) == 0


def test_two_at_once_make_one_stack(rest: Rest) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: _post(rest, "one"), range(6)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json["stack"]["id"] for answer in answers}) == 1
    assert rest.count(Stack) == rest.count(Operation) == 1


def test_starting_and_steering_operations_is_safe_to_repeat(
    rest: Rest, network: dict[str, Any]
) -> None:
    path = f"/stacks/{network['id']}/operations"
    started = [_post(rest, "start", path, {"type": "plan"}) for _ in range(2)]
    assert started[0].json == started[1].json
    operation = started[0].json["operation"]["id"]
    for verb, status in (("cancel", "pending"), ("discard", "planned"), ("approve", "planned")):
        rest.set_operation(operation, status=status, cancel_requested_at=None, approved_at=None)
        steered = [_post(rest, verb, f"/operations/{operation}/{verb}", {}) for _ in range(2)]
        assert [answer.status_code for answer in steered] == [202, 202], verb
        assert steered[0].json == steered[1].json
        assert steered[1].headers["Idempotent-Replayed"] == "true"
        problem(_post(rest, "new", f"/operations/{operation}/discard", {}), 409, "operation_state")


def test_a_kept_answer_holds_no_plain_secret(rest: Rest, network: dict[str, Any]) -> None:
    secret = "s3cr3t-canary"
    place = f"output:{network['id']}:password"
    with rest.ctx.write() as session:
        session.add(
            StackOutput(
                stack_id=network["id"],
                name="password",
                value=None,
                sealed_value=seal_json(rest.ctx.keys, secret, place),
                is_sensitive=True,
                updated_at=utc_now(),
            )
        )
    path = f"/stacks/{network['id']}/operations"
    answers = [_post(rest, "one", path, {"type": "plan"}) for _ in range(2)]
    assert [item.json["stack"]["outputs"] for item in answers] == [{"password": secret}] * 2
    home = rest.ctx.settings.home_dir
    assert not any(secret.encode() in file.read_bytes() for file in home.glob("landform.db*"))
