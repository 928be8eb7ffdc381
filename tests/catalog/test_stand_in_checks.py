"""A kind that stands for another serves wherever that one is asked for, or is refused at start."""

from __future__ import annotations

import pytest

from tests.catalog.conftest import CatalogFolder

STAND_IN = "blueprints/existing-network/blueprint.yaml"
NETWORK = "blueprints/network/blueprint.yaml"
LINE = "stands_for: network"


def test_what_stands_for_a_kind_comes_after_it(folder: CatalogFolder) -> None:
    catalog = folder.load()
    assert catalog.kinds_in_place_of("network") == ("network", "existing-network")
    assert catalog.kinds_in_place_of("bucket") == ("bucket",)
    assert catalog.kinds_in_place_of("existing-network") == ("existing-network",)


@pytest.mark.parametrize(
    ("old", "new", "place", "said"),
    [
        (LINE, "stands_for: netwrok", "stands_for", "there is no kind netwrok; the kinds are: "),
        (LINE, "stands_for: existing-network", "stands_for", "stands for itself"),
        (LINE, "stands_for: 3", "stands_for", "must be text"),
        (LINE, "stands_for: [network]", "stands_for", "must be text"),
        (
            "  network_id:\n    type: string\n    description: Id of the network.\n",
            "",
            "stands_for",
            "takes the output network_id of network; existing-network lacks it, so add it",
        ),
        (
            "    type: array\n    items: {type: string}\n    description: Ids of the subnets,",
            "    type: string\n    description: Ids of the subnets,",
            "stands_for",
            "type of the output subnet_ids, which ",
        ),
        (
            "    description: Id of the network.\n",
            "    description: Id of the network.\n    sensitive: true\n",
            "stands_for",
            "sensitive of the output network_id, which ",
        ),
    ],
)
def test_a_mistake_is_named_with_its_line(
    folder: CatalogFolder, old: str, new: str, place: str, said: str
) -> None:
    folder.replace(STAND_IN, old, new)
    start = f"{STAND_IN}:{folder.line_of(STAND_IN, place)}: "
    assert [line for line in folder.diagnostics() if line.startswith(start) and said in line]


def test_what_stands_for_a_kind_has_nothing_to_stand_for_it(folder: CatalogFolder) -> None:
    folder.replace(NETWORK, "title: Network\n", "title: Network\nstands_for: bucket\n")
    said = "network itself stands for bucket; name that kind"
    assert [line for line in folder.diagnostics() if line.endswith(said)]


def test_a_ring_through_what_stands_for_a_kind_is_found(folder: CatalogFolder) -> None:
    group = """
    group:
      type: string
      title: Group
      description: Machines that are in this network, which therefore is there before itself.
      x-references: {kind: machine-group, outputs: {size: group_size}}
"""
    folder.replace(STAND_IN, "  properties:\n", f"  properties:{group}")
    said = "machine-group refers to network, which leads back to machine-group"
    assert [line for line in folder.diagnostics() if said in line]


def test_every_version_stands_for_the_same_kind(folder: CatalogFolder) -> None:
    home = folder.root / "blueprints/existing-network"
    earlier = "blueprints/existing-network/versions/0.9.0"
    for file in sorted(home.rglob("*.*")):
        folder.write(f"{earlier}/{file.relative_to(home)}", file.read_text(encoding="utf-8"))
    folder.replace(f"{earlier}/blueprint.yaml", "version: 1.0.0", "version: 0.9.0")
    assert "0.9.0" in folder.load().versions["existing-network"]
    folder.replace(f"{earlier}/blueprint.yaml", f"{LINE}\n", "")
    (told,) = [line for line in folder.diagnostics() if "stands_for" in line]
    assert told.startswith(f"{earlier}/blueprint.yaml:1: stands_for is network in ")
