"""Roles are read as a person names them, and a wrong one is refused with those that there are."""

from __future__ import annotations

import pytest

from app.domain.host_roles import ALL_ROLES, HostRole, parse_roles
from app.errors import ConfigurationError


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("web", {HostRole.WEB}),
        (" worker , agent,", {HostRole.WORKER, HostRole.AGENT}),
        ("web,web", {HostRole.WEB}),
        ("web,worker,agent,scheduler", ALL_ROLES),
    ],
)
def test_roles_are_separated_by_commas(text: str, roles: set[HostRole]) -> None:
    assert parse_roles(text) == roles


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "no role is named"), (" , ", "no role is named"), ("web,WORKER", "no role 'WORKER'")],
)
def test_what_is_no_role_is_refused(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        parse_roles(text)
