"""Searching Google Cloud: by label, by description, page after page, and whose things are."""

from __future__ import annotations

from typing import Any

from app.clouds import gcp_search
from app.clouds.named import NamedResource
from tests.logins import login
from tests.sandbox_cloud import Cloud
from tests.stand_ins.clouds import StandInClouds

REGION = "europe-west1"
PATH = "projects/shop-test"


def add(cloud: Cloud, type_: str, identity: str, **attributes: Any) -> str:
    return cloud.add(type_, {}, id=identity, **attributes)


def labelled(stack: str) -> dict[str, Any]:
    return {"labels": {"landform-stack": stack, "landform-operation": "op_1"}}


def described(stack: str) -> dict[str, str]:
    return {"description": f"landform-stack={stack}"}


def fill(cloud: Cloud) -> None:
    """Make what two stacks have, and what nobody has."""
    add(cloud, "google_storage_bucket", "media-1", **labelled("stk_1"))
    add(cloud, "google_compute_network", f"{PATH}/global/networks/web", **described("stk_1"))
    add(cloud, "google_compute_instance", f"{PATH}/zones/a/instances/m", **labelled("stk_1"))
    account = f"{PATH}/serviceAccounts/landform-1@shop-test.iam.gserviceaccount.com"
    add(cloud, "google_service_account", account, **described("stk_1"))
    add(cloud, "google_storage_bucket", "media-2", **labelled("stk_2"))
    add(cloud, "google_storage_bucket", "nobody")
    # Begins like the first one.
    add(cloud, "google_storage_bucket", "media-10", **labelled("stk_10"))
    add(cloud, "google_compute_network", f"{PATH}/global/networks/x", **described("stk_10"))


def test_what_a_stack_has_is_found_by_label_and_by_description(stand_ins: StandInClouds) -> None:
    cloud, fields = stand_ins.open("gcp")
    fill(cloud)
    found = gcp_search.search(login(fields), REGION, "stk_1")
    assert {(item.type, item.id) for item in found} == {
        ("google_storage_bucket", "media-1"),
        ("google_compute_network", f"{PATH}/global/networks/web"),
        ("google_compute_instance", f"{PATH}/zones/a/instances/m"),
        (
            "google_service_account",
            f"{PATH}/serviceAccounts/landform-1@shop-test.iam.gserviceaccount.com",
        ),
    }
    (bucket,) = [item for item in found if item.id == "media-1"]
    assert bucket.attributes["tags"]["landform:operation"] == "op_1"


def test_what_is_gone_is_left_out_when_asked_where_it_lives(stand_ins: StandInClouds) -> None:
    cloud, fields = stand_ins.open("gcp")
    fill(cloud)
    found = gcp_search.search(login(fields), REGION, "stk_1")
    gone = [item for item in cloud.list(limit=200) if item["attributes"]["id"] == "media-1"]
    cloud.call("DELETE", f"/resources/{gone[0]['id']}")
    left = gcp_search.keep_existing(login(fields), REGION, found)
    assert {item.id for item in found} - {item.id for item in left} == {"media-1"}


def test_a_resource_belongs_to_the_stack_that_its_label_names(stand_ins: StandInClouds) -> None:
    cloud, fields = stand_ins.open("gcp")
    fill(cloud)

    def owners(type_: str, *, is_part: bool = False, **attributes: str) -> set[str]:
        asked = NamedResource(type_, attributes, is_part)
        return {*gcp_search.find_owners(login(fields), REGION, [asked])[0]}

    assert owners("google_storage_bucket", id="media-2") == {"stk_2"}
    assert owners("google_storage_bucket", id="nobody") == set()
    assert owners("google_storage_bucket", id="media") == set()
    assert owners("google_compute_network", id=f"{PATH}/global/networks/web") == {"stk_1"}
    link = f"https://www.googleapis.com/compute/v1/{PATH}/global/networks/web"
    assert owners("google_compute_network", id=link) == {"stk_1"}
    member = {"id": "b/media-1/roles/storage.objectViewer/allUsers", "bucket": "media-1"}
    assert owners("google_storage_bucket_iam_member", is_part=True, **member) == {"stk_1"}
    assert owners("aws_vpc", id="media-1") == set()
