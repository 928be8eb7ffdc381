"""What the sandbox cloud's resources are like, through its API."""

from __future__ import annotations

import hashlib

import pytest
from flask.testing import FlaskClient

from sandbox.resource_types.all_types import RESOURCE_TYPES
from tests.sandbox.examples import BUCKET, NAMED, NETWORK, cluster, create, database, machine


def test_a_created_resource_has_an_id_defaults_computed_values_and_tags(api: FlaskClient) -> None:
    created = create(api, "network", **NETWORK, tags={"landform:stack": "stk_1"})

    assert created["id"].startswith("net_")
    assert created["status"] == "available"
    assert created["attributes"] == {
        **NETWORK,
        "internet_access": True,
        "gateway_address": "10.0.0.1",
    }
    assert created["tags"] == {"landform:stack": "stk_1"}
    assert api.get(f"/v1/resources/{created['id']}").get_json() == created


def test_the_location_header_leads_to_the_new_resource(api: FlaskClient) -> None:
    answer = api.post("/v1/resources", json={"type": "bucket", "attributes": BUCKET})

    assert api.get(answer.headers["Location"]).get_json() == answer.get_json()


def test_a_bucket_has_a_url_and_keeps_its_objects_by_default(api: FlaskClient) -> None:
    attributes = create(api, "bucket", **BUCKET)["attributes"]

    assert attributes["url"] == "sandbox://eu-west/a-bucket"
    assert attributes["expire_after_days"] is None


def test_a_bucket_name_is_unique_in_the_account(api: FlaskClient) -> None:
    create(api, "bucket", **BUCKET)

    answer = api.post("/v1/resources", json={"type": "bucket", "attributes": BUCKET})

    assert answer.status_code == 409
    assert answer.get_json()["code"] == "name_taken"


def test_subnets_lie_inside_their_network_and_do_not_overlap(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    subnet = {"name": "s", "network_id": network, "zone": "eu-west-a"}
    first = create(api, "subnet", **subnet, cidr="10.0.1.0/24")["id"]

    def refuse(cidr: str) -> str:
        body = {"type": "subnet", "attributes": {**subnet, "cidr": cidr}}
        answer = api.post("/v1/resources", json=body)
        assert answer.status_code == 422
        (fault,) = answer.get_json()["errors"]
        assert fault["pointer"] == "/attributes/cidr"
        return str(fault["message"])

    assert refuse("10.1.0.0/24") == f"10.1.0.0/24 does not lie in 10.0.0.0/16 of {network}"
    assert refuse("10.0.1.128/25") == f"10.0.1.128/25 overlaps 10.0.1.0/24 of subnet {first}"
    create(api, "subnet", **subnet, cidr="10.0.2.0/24")


def test_a_machine_gets_the_next_free_address_of_its_subnet(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    subnet = create(
        api, "subnet", name="s", network_id=network, cidr="10.0.1.0/29", zone="eu-west-a"
    )["id"]

    machines = [create(api, "machine", **machine(network, subnet_id=subnet)) for _ in range(5)]

    addresses = [found["attributes"]["private_ip"] for found in machines]
    assert addresses == [f"10.0.1.{last}" for last in (2, 3, 4, 5, 6)]
    full = api.post(
        "/v1/resources", json={"type": "machine", "attributes": machine(network, subnet_id=subnet)}
    )
    assert (full.status_code, full.get_json()["code"]) == (409, "addresses_exhausted")
    api.delete(f"/v1/resources/{machines[1]['id']}")
    again = create(api, "machine", **machine(network, subnet_id=subnet))
    assert again["attributes"]["private_ip"] == "10.0.1.3"


def test_a_machine_without_subnet_gets_an_address_outside_all_subnets(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    create(api, "subnet", name="s", network_id=network, cidr="10.0.0.0/24", zone="eu-west-a")

    assert create(api, "machine", **machine(network))["attributes"]["private_ip"] == "10.0.1.0"


def test_a_subnet_of_another_network_is_refused(api: FlaskClient) -> None:
    one, other = (create(api, "network", **NETWORK)["id"] for _ in range(2))
    subnet = create(api, "subnet", name="s", network_id=one, cidr="10.0.1.0/24", zone="z")["id"]

    answer = api.post(
        "/v1/resources", json={"type": "machine", "attributes": machine(other, subnet_id=subnet)}
    )

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["pointer"] == "/attributes/subnet_id"


def test_user_data_is_never_returned_only_its_digest(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]

    created = create(api, "machine", **machine(network, user_data="secret words"))
    changed = api.patch(
        f"/v1/resources/{created['id']}", json={"attributes": {"user_data": "other words"}}
    ).get_json()

    assert "user_data" not in created["attributes"]
    for shown, text in ((created, "secret words"), (changed, "other words")):
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert shown["attributes"]["user_data_sha256"] == digest
    assert "words" not in api.get("/v1/resources").text


def test_a_change_merges_attributes_and_replaces_tags_as_a_whole(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK, tags={"a": "1", "b": "2"})
    path = f"/v1/resources/{network['id']}"

    renamed = api.patch(path, json={"attributes": {"name": "new"}}).get_json()
    tagged = api.patch(path, json={"tags": {"c": "3"}}).get_json()

    assert renamed["attributes"] == {**network["attributes"], "name": "new"}
    assert renamed["tags"] == {"a": "1", "b": "2"}
    assert tagged["attributes"] == renamed["attributes"]
    assert tagged["tags"] == {"c": "3"}


@pytest.mark.parametrize("type_name", list(RESOURCE_TYPES))
def test_an_immutable_attribute_keeps_its_value(api: FlaskClient, type_name: str) -> None:
    network = create(api, "network", **NETWORK)["id"]
    subnet = {"name": "s", "network_id": network, "cidr": "10.0.1.0/24", "zone": "z"}
    kube = create(api, "cluster", **cluster(network))["id"]
    nodes = {"name": "p", "cluster_id": kube, "size": "small", "min_nodes": 1, "max_nodes": 2}
    examples = {
        "network": NETWORK,
        "subnet": subnet,
        "machine": machine(network),
        "bucket": BUCKET,
        "cluster": cluster(network),
        "node_pool": nodes,
        "database": database(network),
        **dict.fromkeys(("queue", "secret", "container_registry"), NAMED),
    }
    created = create(api, type_name, **examples[type_name])
    other = {
        "region": "us-east",
        "zone": "y",
        "network_id": "net_1",
        "cidr": "10.9.0.0/24",
        "cluster_id": "clu_1",
        "disk_gb": 99,
        "engine": "mysql",
        "database_name": "b",
        "username": "b",
        "port": 5433,
        "ordered": True,
    }
    for attribute in RESOURCE_TYPES[type_name].attributes:
        if attribute.immutable and attribute.name in other:
            answer = api.patch(
                f"/v1/resources/{created['id']}",
                json={"attributes": {attribute.name: other[attribute.name]}},
            )
            assert answer.status_code == 422
            assert answer.get_json()["code"] == "immutable_attribute"
            assert answer.get_json()["errors"][0]["pointer"] == f"/attributes/{attribute.name}"
    assert api.get(f"/v1/resources/{created['id']}").get_json() == created


def test_what_others_use_is_deleted_only_by_force(api: FlaskClient) -> None:
    network = create(api, "network", **NETWORK)["id"]
    user = create(api, "machine", **machine(network))["id"]

    refused = api.delete(f"/v1/resources/{network}")

    assert (refused.status_code, refused.get_json()["code"]) == (409, "dependency_violation")
    assert user in refused.get_json()["detail"]
    assert api.delete(f"/v1/resources/{network}?force=true").status_code == 204
    assert api.get(f"/v1/resources/{network}").status_code == 404
    assert api.get(f"/v1/resources/{user}").status_code == 200


def test_tags_select_resources_and_their_keys_may_contain_colons(api: FlaskClient) -> None:
    one = create(api, "network", **NETWORK, tags={"landform:stack": "s1", "x": "a=b"})["id"]
    two = create(api, "bucket", **BUCKET, tags={"landform:stack": "s1"})["id"]
    create(api, "network", **NETWORK, tags={"landform:stack": "s2"})

    def find(query: str) -> list[str]:
        return [item["id"] for item in api.get(f"/v1/resources?{query}").get_json()["items"]]

    assert find("tag=landform:stack=s1") == [one, two]
    assert find("tag=landform:stack=s1&type=bucket") == [two]
    assert find("tag=landform:stack=s1&tag=x=a%3Db") == [one]
    assert find("tag=landform:stack=") == []


def test_pages_follow_each_other_and_stay_stable_under_inserts(api: FlaskClient) -> None:
    made = [create(api, "network", **NETWORK)["id"] for _ in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = api.get(f"/v1/resources?limit=2{f'&cursor={cursor}' if cursor else ''}").get_json()
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
        if len(seen) == 2:
            made.append(create(api, "network", **NETWORK)["id"])

    assert seen == made
