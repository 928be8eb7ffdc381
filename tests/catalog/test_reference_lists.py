"""Parameters that name several stacks: their outputs arrive as lists in the same order."""

from __future__ import annotations

from typing import Any

import pytest

from app.catalog.catalog import Catalog
from app.errors import ReferenceNotReadyError
from tests.catalog.conftest import BUCKET, CatalogFolder

PEERS = """
peers:
  type: array
  title: Peers
  description: Networks that may read.
  items: {type: string}
  uniqueItems: true
  maxItems: 5
  x-references:
    kind: network
    outputs:
      network_id: peer_ids
"""


@pytest.fixture
def catalog(folder: CatalogFolder) -> Catalog:
    folder.add_parameter(PEERS, {"peer_ids": "list(string)"})
    return folder.load()


def peer_ids(catalog: Catalog, parameters: dict[str, Any], outputs: dict[str, Any]) -> Any:
    cloud = catalog.cloud("sandbox")
    result = catalog.kind("bucket").variables(
        name="b",
        region=cloud.region(),
        parameters=catalog.kind("bucket").validate(parameters),
        reference_outputs=outputs,
        tags={},
        cloud=cloud,
    )
    return result["peer_ids"]


def test_the_outputs_arrive_in_the_order_of_the_list(catalog: Catalog) -> None:
    outputs = {"peers/0": {"network_id": "net-1"}, "peers/1": {"network_id": "net-2"}}
    assert peer_ids(catalog, {"peers": ["b", "a"]}, outputs) == ["net-1", "net-2"]
    assert peer_ids(catalog, {"peers": []}, {}) == []
    assert peer_ids(catalog, {}, {}) is None


def test_an_entry_without_the_output_is_named(catalog: Catalog) -> None:
    with pytest.raises(ReferenceNotReadyError) as caught:
        peer_ids(catalog, {"peers": ["a", "b"]}, {"peers/0": {"network_id": "net-1"}})
    assert [item.pointer for item in caught.value.problems] == ["/parameters/peers/1"]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("      uniqueItems: true\n", "", "could name one stack twice; add uniqueItems"),
        ("items: {type: string}", "items: {type: integer}", "must be of type string"),
        ("type: array", "type: object", "is not of type string, so x-references has no effect"),
    ],
)
def test_a_list_that_could_name_no_stacks_is_a_mistake(
    folder: CatalogFolder, old: str, new: str, complaint: str
) -> None:
    folder.add_parameter(PEERS, {"peer_ids": "list(string)"})
    folder.replace(BUCKET, old, new)
    assert any(complaint in line for line in folder.diagnostics()), folder.diagnostics()
