"""From neutral parameters to Terraform's variables: complete, translated, never HCL."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.catalog.catalog import Catalog
from app.catalog.diagnostics import Diagnostics
from app.catalog.hcl_source import read_module
from app.catalog.loader import load_catalog
from app.errors import ReferenceNotReadyError, ValidationError
from tests.catalog.conftest import SHIPPED, CatalogFolder

CATALOG = load_catalog(SHIPPED)
TAGS = {"landform:stack": "stk_1", "landform:project": "prj_1", "landform:operation": "op_1"}
OUTPUTS: dict[str, dict[str, Any]] = {
    "network": {"network_id": "net-1", "subnet_ids": ["sub-1", "sub-2"], "cidr": "10.0.0.0/16"}
}


def variables(
    catalog: Catalog, kind: str, parameters: dict[str, Any], **other: Any
) -> dict[str, Any]:
    blueprint, cloud = catalog.kind(kind), catalog.cloud("sandbox")
    values: dict[str, Any] = {
        "name": "web",
        "region": cloud.region("eu-central"),
        "parameters": blueprint.validate(parameters),
        "reference_outputs": OUTPUTS if blueprint.references else {},
        "tags": TAGS,
        "cloud": cloud,
    }
    return blueprint.variables(**{**values, **other})


def test_the_variables_are_complete_and_translated(catalog: Catalog) -> None:
    parameters = {"network": "stk_net", "image": "ubuntu-24-04", "count": 2, "user_data": "echo"}
    assert variables(catalog, "machine-group", parameters) == {
        "landform_name": "web",
        "landform_region": "eu-central",
        "landform_zones": ["eu-central-a", "eu-central-b", "eu-central-c"],
        "landform_tags": TAGS,
        "size": "small",
        "machine_count": 2,
        "image": "ubuntu-24.04",
        "user_data": "echo",
        "network_id": "net-1",
        "network_cidr": "10.0.0.0/16",
        "network_subnet_ids": ["sub-1", "sub-2"],
    }


def test_a_parameter_that_is_left_out_is_null(catalog: Catalog) -> None:
    assert variables(catalog, "machine-group", {"network": "n"})["user_data"] is None
    assert variables(catalog, "bucket", {})["expire_after_days"] is None


@pytest.mark.parametrize("kind", ["network", "machine-group", "cluster", "bucket", "database"])
def test_every_variable_of_the_module_is_filled(catalog: Catalog, kind: str) -> None:
    parameters = {"network": "n"} if catalog.kind(kind).references else {}
    module = read_module(catalog.kind(kind).module_dir("sandbox"), Diagnostics())
    assert module is not None
    assert set(variables(catalog, kind, parameters)) == set(module.named("variable"))


@pytest.mark.parametrize("outputs", [{}, {"network": {}}, {"network": {"network_id": None}}])
def test_a_reference_without_outputs_is_not_ready(
    catalog: Catalog, outputs: dict[str, dict[str, Any]]
) -> None:
    with pytest.raises(ReferenceNotReadyError) as caught:
        variables(catalog, "machine-group", {"network": "n"}, reference_outputs=outputs)
    assert [item.pointer for item in caught.value.problems] == ["/parameters/network"]


def test_a_word_that_the_cloud_does_not_offer_is_refused_with_what_it_offers(
    folder: CatalogFolder,
) -> None:
    folder.replace(
        "blueprints/machine-group/blueprint.yaml",
        "enum: [small, medium, large]",
        "enum: [small, medium, large, gigantic]",
    )
    catalog = folder.load()
    parameters = {"network": "n", "size": "gigantic"}
    blueprint, cloud = catalog.kind("machine-group"), catalog.cloud("sandbox")
    for refuse in (
        lambda: variables(catalog, "machine-group", parameters),
        lambda: blueprint.check_offered(cloud, blueprint.validate(parameters)),
    ):
        with pytest.raises(ValidationError) as caught:
            refuse()
        assert [(item.pointer, item.message) for item in caught.value.problems] == [
            (
                "/parameters/size",
                "Is not offered by sandbox, which offers: small, medium, large.",
            )
        ]


def test_words_are_translated_at_every_depth(folder: CatalogFolder) -> None:
    folder.replace(
        "blueprints/bucket/blueprint.yaml",
        "  properties:\n",
        "  properties:\n    pools:\n      type: array\n      title: P\n      description: D\n"
        "      items:\n        type: object\n        properties:\n          image:\n"
        "            type: string\n            enum: [ubuntu-24-04, beos]\n"
        "            x-vocabulary: image\n",
    )
    path = "blueprints/bucket/sandbox/pools.tf"
    folder.write(path, 'variable "pools" {\n  type = list(object({ image = string }))\n}\n')
    catalog = folder.load()
    good = variables(catalog, "bucket", {"pools": [{"image": "ubuntu-24-04"}, {}]})
    assert good["pools"] == [{"image": "ubuntu-24.04"}, {}]
    with pytest.raises(ValidationError) as caught:
        variables(catalog, "bucket", {"pools": [{}, {"image": "beos"}]})
    assert [item.pointer for item in caught.value.problems] == ["/parameters/pools/1/image"]


def test_a_kind_that_the_cloud_lacks_is_refused(folder: CatalogFolder) -> None:
    text = (folder.root / "clouds/sandbox.yaml").read_text(encoding="utf-8")
    folder.write("clouds/moon.yaml", text.replace("name: sandbox\n", "name: moon\n"))
    lock = (folder.root / "clouds/sandbox.lock.hcl").read_text(encoding="utf-8")
    folder.write("clouds/moon.lock.hcl", lock)
    catalog = folder.load()
    with pytest.raises(ValidationError) as caught:
        catalog.kind("bucket").check_offered(catalog.cloud("moon"), {})
    assert [(item.pointer, item.message) for item in caught.value.problems] == [
        ("/cloud_account", "The kind bucket is not offered on moon; it is offered on: sandbox.")
    ]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=200).filter(
    lambda text: unicodedata.is_normalized("NFC", text)
)


@given(user_data=TEXT, network=st.text("abc-_0", min_size=1, max_size=64), count=st.integers(1, 20))
@example(user_data='${file("/etc/passwd")}', network="n", count=1)
@example(user_data="%{ for x in y }", network="n", count=1)
@example(user_data='"}\n\r\n\t\u2028\u0085\\" $${x} \U0001f680', network="n", count=1)
def test_text_reaches_terraform_unchanged(user_data: str, network: str, count: int) -> None:
    parameters = {"network": network, "user_data": user_data, "count": count}
    if user_data == "********":
        return
    result = variables(CATALOG, "machine-group", parameters)
    text = json.dumps(result, allow_nan=False)
    assert json.loads(text) == result
    assert json.loads(text)["user_data"] == user_data
    assert json.loads(text)["machine_count"] == count
