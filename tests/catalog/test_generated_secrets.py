"""Secrets that Landform makes when a client leaves them out."""

from __future__ import annotations

import re

import pytest

from app.catalog.catalog import Catalog
from app.catalog.generated_secrets import make_secret
from app.errors import ValidationError
from tests.catalog.conftest import CatalogFolder

DATABASE = "blueprints/database/blueprint.yaml"


def test_a_secret_has_the_length_asked_for_and_letters_of_both_cases_and_digits() -> None:
    made = {make_secret(16) for _ in range(200)}
    assert len(made) == 200
    for text in made:
        assert re.fullmatch("[A-Za-z0-9]{16}", text)
        assert re.search("[a-z]", text)
        assert re.search("[A-Z]", text)
        assert re.search("[0-9]", text)


def test_only_a_secret_that_was_left_out_is_made(catalog: Catalog) -> None:
    database = catalog.kind("database")
    given = database.validate({"network": "n", "password": "a-password-of-my-own"})
    assert database.generate(given) == given
    made = database.generate(database.validate({"network": "n"}))
    assert len(made["password"]) == 32
    assert database.validate(made) == made
    assert database.split_sensitive(made)[1] == {"password": made["password"]}


def test_clients_see_that_it_is_made_and_may_be_left_out(catalog: Catalog) -> None:
    shown = catalog.kind("database").parameters
    assert "password" not in shown["required"]
    assert shown["properties"]["password"]["x-generated"] is True
    assert "x-generate" not in shown["properties"]["password"]


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 65, "with a space in it", 'with"quotes"in-it', "with/slash/in/it", "pässword"],
)
def test_a_password_that_a_cloud_would_refuse_is_refused_first(
    catalog: Catalog, password: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        catalog.kind("database").validate({"network": "n", "password": password})
    assert [item.pointer for item in caught.value.problems] == ["/parameters/password"]
    assert password not in caught.value.detail


@pytest.mark.parametrize(
    "username", ["admin", "postgres", "pg_me", "rdsadmin", "Root", "1st", "a-b"]
)
def test_names_that_a_database_keeps_for_itself_are_refused(
    catalog: Catalog, username: str
) -> None:
    with pytest.raises(ValidationError):
        catalog.kind("database").validate({"network": "n", "username": username})


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("sensitive: true\n      x-generate: 32", "x-generate: 32", "add sensitive: true"),
        ("x-generate: 32", "x-generate: 15", "must be at least 16"),
        ("maxLength: 64\n      pattern: ^[A", "maxLength: 20\n      pattern: ^[A", "at most 20"),
        ("required: [network]", "required: [network, password]", "so it cannot be required"),
        ("title: Storage\n", "title: Storage\n      x-generate: 32\n", "is not of type string"),
    ],
)
def test_a_secret_that_could_not_be_made_is_a_mistake(
    folder: CatalogFolder, old: str, new: str, complaint: str
) -> None:
    folder.replace(DATABASE, old, new)
    assert any(complaint in line and line.startswith(DATABASE) for line in folder.diagnostics())
