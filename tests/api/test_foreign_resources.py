"""A state or an adoption names nothing of another stack, and no provider that nobody declared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.domain.refusal_budget import FOR_ONE
from app.models import AuditEvent, Operation, ResourceKey, Stack, StateVersion
from app.services.state.held_resources import keep_missing_keys
from tests.api.rest import Rest, pointers, problem
from tests.api.states import keep_state, state_bytes
from tests.listening import Listener
from tests.sandbox_cloud import Cloud, connect

OWN = 'provider["landform.local/landform/sandbox"]'


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.fixture
def network(network: dict[str, Any], rest: Rest, cloud: Cloud) -> dict[str, Any]:
    """A network whose cloud can be asked."""
    connect(rest.ctx, cloud)
    return network


def state_with(resource_id: str, **changes: Any) -> bytes:
    """Return a state that holds one network by its id."""
    document = json.loads(state_bytes(3, {"this": "x"}, type_="sandbox_network"))
    resource = document["resources"][0]
    resource["instances"][0]["attributes"] = {"id": resource_id}
    resource.update(changes)
    return json.dumps(document).encode()


def upload(rest: Rest, stack: dict[str, Any], data: bytes, **headers: str) -> TestResponse:
    sent = {
        "Content-Type": "application/json",
        **{k.replace("_", "-"): v for k, v in headers.items()},
    }
    return rest.call("PUT", f"/stacks/{stack['id']}/state", data=data, headers=sent)


def refused(rest: Rest, answer: TestResponse) -> list[str]:
    """Return the pointers of a refusal that left neither a state nor an operation."""
    told = problem(answer, 422, "validation_failed")
    assert rest.count(StateVersion) == 0
    with rest.ctx.read() as session:
        assert session.query(Operation).filter_by(type="plan").count() == 0
    return pointers(told)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"type": "sandbox_bucket"}, "/resources/0/type"),
        ({"type": "terraform_data"}, "/resources/0/type"),
        ({"mode": "data"}, "/resources/0/type"),
        ({"module": "module.a"}, "/resources/0/module"),
        ({"name": "a\u202eb"}, "/resources/0/name"),
        ({"Provider": "x"}, "/resources/0/Provider"),
    ],
)
def test_what_the_blueprint_does_not_declare_is_refused(
    rest: Rest, network: dict[str, Any], changes: dict[str, Any], pointer: str
) -> None:
    answer = upload(rest, network, state_with("net_1", **changes))
    assert refused(rest, answer) == [pointer]


def test_a_provider_of_another_host_is_refused_and_not_asked(
    rest: Rest, network: dict[str, Any], listener: Listener
) -> None:
    evil = f'provider["{listener.provider}"]'
    chief = rest.as_member("admin")
    answer = upload(chief, network, state_with("net_1", provider=evil))
    assert refused(rest, answer) == ["/resources/0/provider"]
    assert listener.connections == 0


@pytest.mark.parametrize("owner", ["stk_of_another_project", "stk_deleted"])
def test_a_resource_with_the_tag_of_another_stack_is_refused(
    rest: Rest, network: dict[str, Any], cloud: Cloud, owner: str
) -> None:
    found = cloud.add(
        "network", {"landform:stack": owner}, name="n", region="eu-west", cidr="10.0.0.0/16"
    )
    told = upload(rest.as_member("admin"), network, state_with(found))
    assert refused(rest, told) == ["/resources/0/instances/0"]
    assert owner not in told.text, "whose it is is not told"


def test_what_is_nobodys_or_its_own_or_gone_is_taken_in(
    rest: Rest, network: dict[str, Any], cloud: Cloud
) -> None:
    more = {"region": "eu-west", "cidr": "10.0.0.0/16"}
    nobodys = cloud.add("network", {}, name="a", **more)
    own = cloud.add("network", {"landform:stack": network["id"]}, name="b", **more)
    for serial, name in enumerate((nobodys, own, "net_gone"), 4):
        data = json.loads(state_with(name))
        assert (
            upload(rest, network, json.dumps({**data, "serial": serial}).encode()).status_code
            == 202
        )


@pytest.mark.parametrize("spelling", ["{}/", " {}", "{}?x", "../resources/{}", "{}#", "%2e/{}"])
def test_another_spelling_of_an_id_is_no_way_around(
    rest: Rest, network: dict[str, Any], cloud: Cloud, spelling: str
) -> None:
    found = cloud.add(
        "network", {"landform:stack": "stk_x"}, name="n", region="eu-west", cidr="10.0.0.0/16"
    )
    assert refused(rest, upload(rest, network, state_with(spelling.format(found))))


def test_while_the_cloud_does_not_answer_nothing_is_taken_in(
    rest: Rest, network: dict[str, Any], cloud: Cloud
) -> None:
    connect(rest.ctx, Cloud("http://127.0.0.1:1999/v1", "t"))
    problem(upload(rest, network, state_with("net_1")), 503, "cloud_search_failed")
    connect(rest.ctx, Cloud(cloud.endpoint, "a wrong token"))
    problem(upload(rest, network, state_with("net_1")), 503, "cloud_search_failed")
    assert rest.count(StateVersion) == 0


def test_a_repeated_upload_gives_the_same_answer_without_asking_the_cloud(
    rest: Rest, network: dict[str, Any]
) -> None:
    first = upload(rest, network, state_with("net_1"), Idempotency_Key="k")
    assert first.status_code == 202
    connect(rest.ctx, Cloud("http://127.0.0.1:1999/v1", "t"))
    assert upload(rest, network, state_with("net_1"), Idempotency_Key="k").json == first.json


@pytest.fixture
def interrupted(rest: Rest, cloud: Cloud) -> dict[str, Any]:
    """A stack whose apply was interrupted and may have left ``net_1``."""
    connect(rest.ctx, cloud)
    made = rest.create("networks", "web")
    operation_id: str = made["operation"]["id"]
    rest.end(operation_id, "interrupted", "needs_attention")
    orphan = {"address": "sandbox_network.this", "type": "sandbox_network", "id": "net_1"}
    rest.set_operation(
        operation_id, possibly_orphaned=[{**orphan, "reason": "x"}], has_applied=True
    )
    return {"path": f"/operations/{operation_id}/resolve", "stack": made["stack"]["id"]}


def adopt(rest: Rest, interrupted: dict[str, Any], address: str, name: str) -> TestResponse:
    imports = [{"address": address, "id": name}]
    return rest.post(interrupted["path"], {"action": "adopt", "imports": imports})


def test_adopting_takes_what_the_operation_named_or_what_carries_its_tag(
    rest: Rest, interrupted: dict[str, Any], cloud: Cloud
) -> None:
    own = cloud.add(
        "network",
        {"landform:stack": interrupted["stack"]},
        name="n",
        region="eu-west",
        cidr="10.0.0.0/16",
    )
    answer = adopt(rest.as_member("operator"), interrupted, "sandbox_network.this", own)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize("tags", [{"landform:stack": "stk_other"}, {}])
def test_adopting_takes_nothing_of_another_stack_and_nothing_unproven(
    rest: Rest, interrupted: dict[str, Any], cloud: Cloud, tags: dict[str, str]
) -> None:
    other = cloud.add("network", tags, name="n", region="eu-west", cidr="10.0.0.0/16")
    operator = rest.as_member("operator")
    told = problem(
        adopt(operator, interrupted, "sandbox_network.this", other), 422, "validation_failed"
    )
    assert pointers(told) == ["/imports/0/id"]
    assert rest.get(interrupted["path"].removesuffix("/resolve")).json["resolution"] is None


def test_an_orphan_that_meanwhile_belongs_to_another_stack_is_not_adopted(
    rest: Rest, interrupted: dict[str, Any], cloud: Cloud
) -> None:
    other = cloud.add(
        "network", {"landform:stack": "stk_x"}, name="n", region="eu-west", cidr="10.0.0.0/16"
    )
    orphan = {"address": "sandbox_network.this", "type": "sandbox_network", "id": other}
    operation_id = interrupted["path"].split("/")[2]
    rest.set_operation(operation_id, possibly_orphaned=[{**orphan, "reason": "x"}])
    told = problem(rest.post(interrupted["path"], {"action": "adopt"}), 422, "validation_failed")
    assert pointers(told) == ["/imports/0/id"]


def test_adopting_goes_to_an_address_that_the_blueprint_declares(
    rest: Rest, interrupted: dict[str, Any]
) -> None:
    for address in ("sandbox_bucket.this", "module.a.sandbox_network.this"):
        told = problem(adopt(rest, interrupted, address, "net_1"), 422, "validation_failed")
        assert pointers(told) == ["/imports/0/address"]


def test_adopting_waits_until_the_cloud_answers(rest: Rest, interrupted: dict[str, Any]) -> None:
    connect(rest.ctx, Cloud("http://127.0.0.1:1999/v1", "t"))
    told = rest.post(interrupted["path"], {"action": "adopt"})
    problem(told, 503, "cloud_search_failed")


@pytest.fixture
def theirs(rest: Rest) -> dict[str, Any]:
    """The stack of another project, which holds ``net_9``; nothing carries its tag."""
    rest.post("/projects", {"name": "payments"})
    made: dict[str, Any] = rest.create("networks", "theirs", project="payments")["stack"]
    keep_state(rest, made["id"], state_with("net_9"))
    return made


def refused_as_held(rest: Rest, stack: dict[str, Any], answer: TestResponse) -> None:
    """Check that a state was refused for ``net_9``, without a word of whose it is."""
    told = problem(answer, 422, "validation_failed")
    assert pointers(told) == ["/resources/0/instances/0"]
    assert "theirs" not in answer.text
    with rest.ctx.read() as session:
        query = session.query(StateVersion).filter_by(stack_id=stack["id"])
        assert query.count() == 0
        assert session.query(Operation).filter_by(type="plan").count() == 0


@pytest.mark.parametrize("spelling", ["net_9", "NET_9", "net_9/", " net_9"])
def test_what_is_in_the_state_of_another_stack_is_refused_without_a_tag(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any], spelling: str
) -> None:
    answer = upload(rest.as_member("admin"), network, state_with(spelling))
    refused_as_held(rest, network, answer)


def test_what_another_stack_holds_is_refused_before_the_cloud_is_asked(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    connect(rest.ctx, Cloud("http://127.0.0.1:9/v1", "t"))
    refused_as_held(rest, network, upload(rest, network, state_with("net_9")))


def test_what_a_stack_has_given_up_is_free_again(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    document = json.loads(state_with("net_9"))
    keep_state(rest, theirs["id"], json.dumps({**document, "serial": 4, "resources": []}).encode())
    assert upload(rest, network, state_with("net_9")).status_code == 202


def test_what_a_deleted_stack_held_is_free_again(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    with rest.ctx.write() as session:
        row = session.get_one(Stack, theirs["id"])
        row.deleted_at = row.updated_at
    assert upload(rest, network, state_with("net_9")).status_code == 202


def test_states_of_an_earlier_release_are_read_before_anything_is_taken_in(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    with rest.ctx.write() as session:
        session.query(ResourceKey).delete()
        session.query(StateVersion).update({"has_keys": False})
    refused_as_held(rest, network, upload(rest, network, state_with("net_9")))
    assert keep_missing_keys(rest.ctx) == 0


def test_a_damaged_state_of_an_earlier_release_stops_no_upload(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    with rest.ctx.write() as session:
        session.query(ResourceKey).delete()
        session.query(StateVersion).update({"has_keys": False})
    for file in rest.ctx.settings.state_dir.rglob("*.tfstate"):
        file.chmod(0o600)
        file.write_bytes(b"damaged")
    assert upload(rest, network, state_with("net_9")).status_code == 202


def test_adopting_what_another_stack_holds_is_refused_also_where_the_operation_named_it(
    rest: Rest, interrupted: dict[str, Any], theirs: dict[str, Any]
) -> None:
    orphan = {"address": "sandbox_network.this", "type": "sandbox_network", "id": "net_9"}
    operation_id = interrupted["path"].split("/")[2]
    rest.set_operation(operation_id, possibly_orphaned=[{**orphan, "reason": "x"}])
    told = problem(rest.post(interrupted["path"], {"action": "adopt"}), 422, "validation_failed")
    assert pointers(told) == ["/imports/0/id"]
    assert refusals(rest, "operation.adopt_refused")[0].object_id == interrupted["stack"]


def refusals(rest: Rest, action: str) -> list[AuditEvent]:
    with rest.ctx.read() as session:
        return session.query(AuditEvent).filter_by(action=action).all()


def test_whoever_tries_is_in_the_trail_of_the_project_within_a_budget(
    rest: Rest, network: dict[str, Any], theirs: dict[str, Any]
) -> None:
    chief = rest.as_member("admin")
    for _ in range(FOR_ONE + 3):
        problem(upload(chief, network, state_with("net_9")), 422, "validation_failed")
    found = refusals(rest, "state_version.upload_refused")
    assert len(found) == FOR_ONE
    assert (found[0].object_id, found[0].project_id) == (network["id"], network["project"]["id"])
    assert found[0].detail["places"] == ["/resources/0/instances/0"]
    assert "another stack" in found[0].detail["reason"]
