"""The types that several descriptions declare together."""

from __future__ import annotations

from app.domain.declared_types import DeclaredTypes, provider_configuration

ONE, OTHER = provider_configuration("host/a/b"), provider_configuration("host/a/b", "west")


def test_a_type_may_come_from_any_provider_that_one_of_them_declares() -> None:
    together = DeclaredTypes.union(
        [
            DeclaredTypes(managed={"a_x": frozenset({ONE}), "a_y": frozenset({ONE})}, data={}),
            DeclaredTypes(managed={"a_x": frozenset({OTHER})}, data={"a_x": frozenset({ONE})}),
        ]
    )
    assert together.managed == {"a_x": {ONE, OTHER}, "a_y": {ONE}}
    assert together.data == {"a_x": {ONE}}
    assert together.of_mode("managed") == together.managed
    assert together.of_mode("data") == together.data


def test_a_state_names_a_provider_with_its_alias() -> None:
    assert ONE == 'provider["host/a/b"]'
    assert OTHER == 'provider["host/a/b"].west'
