"""A cloud: regions, neutral words, and the environment that signs Terraform in."""

from __future__ import annotations

import pytest

from app.catalog.catalog import Catalog, Cloud
from app.errors import NotFoundError, ValidationError
from tests.catalog.conftest import CatalogFolder

SANDBOX = "clouds/sandbox.yaml"


@pytest.fixture
def cloud(catalog: Catalog) -> Cloud:
    return catalog.cloud("sandbox")


def test_a_region_is_found_by_its_neutral_name(cloud: Cloud) -> None:
    region = cloud.region("us-east")
    assert (region.provider_name, region.title) == ("us-east", "United States (East)")
    assert region.zones == ("us-east-a", "us-east-b", "us-east-c")


def test_the_default_region_is_taken_when_none_is_named(cloud: Cloud) -> None:
    assert cloud.region().name == "eu-west"


@pytest.mark.parametrize("name", ["mars", "", "EU-WEST", "eu-west\n", "../eu-west"])
def test_an_unknown_region_is_refused_with_what_is_offered(cloud: Cloud, name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        cloud.region(name)
    assert [(item.pointer, item.message) for item in caught.value.problems] == [
        ("/region", "Sandbox has no such region; it offers: eu-west, eu-central, us-east.")
    ]


def test_without_a_default_the_region_must_be_named(folder: CatalogFolder) -> None:
    folder.replace(SANDBOX, "default_region: eu-west\n", "")
    with pytest.raises(ValidationError, match="Choose a region of sandbox: eu-west"):
        folder.load().cloud("sandbox").region()


def test_the_only_region_need_not_be_named(folder: CatalogFolder) -> None:
    text = (folder.root / SANDBOX).read_text(encoding="utf-8")
    start, end = text.index("  - name: eu-central"), text.index("vocabulary:")
    folder.write(SANDBOX, (text[:start] + text[end:]).replace("default_region: eu-west\n", ""))
    assert folder.load().cloud("sandbox").region().name == "eu-west"


def test_sizes_are_the_words_of_the_size_vocabulary(cloud: Cloud) -> None:
    assert list(cloud.sizes) == ["small", "medium", "large"]
    assert cloud.sizes["small"].description == "1 virtual CPU and 2 GiB of memory"
    assert cloud.translate("image", "ubuntu-24-04") == "ubuntu-24.04"
    assert cloud.translate("image", "plan9") is None
    assert cloud.translate("colour", "red") is None


def test_credentials_become_environment_variables(cloud: Cloud) -> None:
    token = "a $token with 'quotes'\nand lines"
    assert cloud.environment({"token": token, "endpoint": "http://127.0.0.1:1/v1"}) == {
        "SANDBOX_TOKEN": token,
        "SANDBOX_ENDPOINT": "http://127.0.0.1:1/v1",
    }
    assert cloud.credential_fields["token"].is_secret
    assert not cloud.credential_fields["endpoint"].is_secret


def test_an_optional_credential_may_be_left_out(folder: CatalogFolder) -> None:
    folder.replace(
        SANDBOX,
        "environment: SANDBOX_ENDPOINT\n    required: true",
        "environment: SANDBOX_ENDPOINT",
    )
    cloud = folder.load().cloud("sandbox")
    assert cloud.environment({"token": "t"}) == {"SANDBOX_TOKEN": "t"}
    assert cloud.environment({"token": "t", "endpoint": None}) == {"SANDBOX_TOKEN": "t"}


@pytest.mark.parametrize("value", [3, True, ["hunter2"], {"a": "hunter2"}, "hunter2\x00", "\ud800"])
def test_a_bad_credential_is_refused_without_being_repeated(cloud: Cloud, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        cloud.environment({"token": value})
    assert [item.pointer for item in caught.value.problems] == [
        "/credentials/endpoint",
        "/credentials/token",
    ]
    assert "hunter2" not in str(caught.value) + str(caught.value.problems)


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_credentials_that_are_no_object_are_refused(cloud: Cloud, value: object) -> None:
    with pytest.raises(ValidationError, match="Must be an object"):
        cloud.environment(value)


def test_an_unknown_credential_is_refused(cloud: Cloud) -> None:
    with pytest.raises(ValidationError) as caught:
        cloud.environment({"token": "t", "endpoint": "e", "hunter2": "x"})
    assert [(item.pointer, item.message) for item in caught.value.problems] == [
        ("/credentials", "Has an unknown field; the fields are: endpoint, token.")
    ]


def test_what_is_not_in_the_catalogue_is_not_found(catalog: Catalog) -> None:
    for look_up in (catalog.kind, catalog.cloud):
        with pytest.raises(NotFoundError):
            look_up("nonsense")
    with pytest.raises(NotFoundError, match="offered on: aws, azure, gcp, sandbox"):
        catalog.kind("bucket").module_dir("mars")


def test_what_a_cloud_moves_by_itself_is_read_by_type(folder: CatalogFolder, cloud: Cloud) -> None:
    text = (folder.root / SANDBOX).read_text(encoding="utf-8")
    more = "refresh_after_apply: true\nmoves_by_itself:\n  sandbox_network: [cidr]\n"
    folder.write(SANDBOX, text + more)
    told = folder.load().cloud("sandbox")
    assert (told.refreshes_after_apply, told.moving) == (True, {"sandbox_network": {"cidr"}})
    assert (cloud.refreshes_after_apply, cloud.moving) == (False, {})
