"""The shipped pack is whole, and a pack that is wrong says where."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.catalog.loader import load_catalog
from app.catalog.policy_packs import load_packs
from app.config.settings import Settings
from app.domain.policy_reading import read_policies
from app.errors import CatalogError
from app.services.policies.checks import check_policies

ROOT: Path = Settings.model_fields["catalog_root"].get_default(call_default_factory=True)


def test_every_rule_of_every_pack_is_typed_and_its_test_cases_pass() -> None:
    catalog = load_catalog(ROOT)
    packs = load_packs(ROOT)
    assert [pack.name for pack in packs] == ["basics"]
    for pack in packs:
        policies = read_policies(list(pack.policies))
        outcomes = check_policies(catalog, policies, [])
        assert [item for item in outcomes if not item.is_passed] == []
        tested = {item.policy for item in outcomes}
        assert tested == {policy.name for policy in policies}, "each has a test case"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title: A\n", "policies.yaml:1:"),
        ("title: A\ndescription: B\npolicies: 3\n", "policies.yaml:3:"),
        ("title: A\ndescription: B\npolicies:\n  - name: X Y\n", "policies.yaml:4:"),
        ("title: A\ndescription: B\npolicies: []\nmore: 1\n", "more"),
        ("title: [", "policies.yaml:"),
    ],
)
def test_a_pack_that_is_wrong_names_the_line(tmp_path: Path, text: str, message: str) -> None:
    folder = tmp_path / "policies" / "bad"
    folder.mkdir(parents=True)
    (folder / "policies.yaml").write_text(text)
    with pytest.raises(CatalogError) as caught:
        load_packs(tmp_path)
    assert message in caught.value.detail


def test_a_catalog_without_packs_has_none(tmp_path: Path) -> None:
    assert load_packs(tmp_path) == ()
