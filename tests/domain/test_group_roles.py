"""What the groups of an identity provider give, and which rules can be read."""

from __future__ import annotations

from itertools import permutations

import pytest

from app.domain.group_roles import Grant, GroupRoles
from app.domain.permissions import Role

RULES = GroupRoles.parse(
    " viewer@web = all ; operator@web=ops;admin@web=leads; viewer@data=a=b c;administrator=root;"
)


@pytest.mark.parametrize(
    ("groups", "grant"),
    [
        (set(), Grant(is_admin=False, roles={})),
        ({"none of them"}, Grant(is_admin=False, roles={})),
        ({"all"}, Grant(is_admin=False, roles={"web": Role.VIEWER})),
        ({"all", "ops"}, Grant(is_admin=False, roles={"web": Role.OPERATOR})),
        ({"a=b c"}, Grant(is_admin=False, roles={"data": Role.VIEWER})),
        ({"root"}, Grant(is_admin=True, roles={})),
        ({"root", "all"}, Grant(is_admin=True, roles={"web": Role.VIEWER})),
    ],
)
def test_groups_give_what_the_rules_say_and_nothing_else(groups: set[str], grant: Grant) -> None:
    assert RULES.grant(groups) == grant
    assert RULES.grant(groups).is_empty is (not grant.is_admin and not grant.roles)


@pytest.mark.parametrize("entries", list(permutations(["viewer@p=a", "operator@p=b", "admin@p=c"])))
def test_the_largest_role_counts_in_any_order_of_the_rules(entries: tuple[str, ...]) -> None:
    rules = GroupRoles.parse(";".join(entries))
    assert rules.grant({"a", "b", "c"}).roles == {"p": Role.ADMIN}
    assert rules.grant({"a", "b"}).roles == {"p": Role.OPERATOR}


def test_the_projects_of_the_rules_are_those_that_groups_decide_about() -> None:
    assert RULES.projects == {"web", "data"}
    assert GroupRoles.parse("administrator=root").projects == frozenset()
    assert GroupRoles.parse("") == GroupRoles.parse(" ; ") == GroupRoles()


@pytest.mark.parametrize(
    "entry",
    [
        "viewer@web",
        "viewer@web=",
        "viewer@web= ",
        "owner@web=ops",
        "viewer=ops",
        "viewer@=ops",
        "viewer@No Name=ops",
        "@web=ops",
        "=ops",
        "administrator=",
        "administrator@web=ops",
    ],
)
def test_an_entry_that_cannot_be_read_is_quoted(entry: str) -> None:
    with pytest.raises(ValueError, match="is neither role@project=group nor") as caught:
        GroupRoles.parse(f"viewer@web=all; {entry}")
    assert repr(entry.strip()) in str(caught.value)
