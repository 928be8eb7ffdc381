"""A outsider learns and changes nothing through any path, body or filter that names foreign things.

Walks the OpenAPI document: every operation, every place in its body and query where a text may
stand. Whatever is answered to the id or name of a thing of another project must be what is
answered to one that does not exist. What is not walked is said in ``EXCEPTIONS``, with the reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any

import pytest

from app.catalog.loader import load_catalog
from app.config.settings import REPOSITORY_ROOT
from tests.api.bodies import Path, body_with, places, schema_of
from tests.api.rest import Rest
from tests.api.walking import DOCUMENT, METHODS, Described, operations
from tests.api.worlds import Worlds
from tests.listening import Listener
from tests.sandbox_cloud import Cloud, Service

MakeReader = Callable[[], Rest]

ALL = operations()
WITH_TEXT = [item for item in ALL if places(item)]
ULID = re.compile(r"[a-z]{2,4}_[0-9a-z]{26}")
MISSING = "0" * 26
QUICK = ("project", "stack_id")
NAMES_RESOURCES = ("/state", "/resolve")

TOLD = "who may give roles in a project has to find the person: names are told to them"
FREE = "a name that a stack of another project has may be given to one of ours"
KINDS = [kind.plural for kind in load_catalog(REPOSITORY_ROOT / "terraform").kinds.values()]
EXCEPTIONS: dict[tuple[str, str], str] = {
    ("PUT /projects/{project}/members/{user}", "user"): TOLD,
    ("DELETE /projects/{project}/members/{user}", "user"): TOLD,
    **{
        (f"PUT /projects/{{project}}/{plural}/{{stack_name}}", "stack_name"): FREE
        for plural in KINDS
    },
}
"""Which values are not tried at which operation, and why."""

WITHOUT_TEXT = {
    "POST /auth/refresh": "takes an empty body; the token stands in the header",
    "POST /auth/logout": "takes an empty body; ends the session of the header",
    "POST /auth/second-factor": "takes an empty body; is about the caller",
    "POST /auth/second-factor/recovery-codes": "takes an empty body; is about the caller",
    "POST /cloud-accounts/{account}/check": "takes an empty body",
    "PUT /projects/{project}/members/{user}": "takes one of three roles",
    "POST /operations/{operation_id}/approve": "takes a flag",
    "POST /operations/{operation_id}/discard": "takes an empty body",
    "POST /operations/{operation_id}/cancel": "takes a flag",
    "POST /instances/{instance_id}/gone": "takes an empty body",
    "POST /instances/{instance_id}/drain": "takes an empty body",
    "POST /instances/{instance_id}/undrain": "takes an empty body",
    "POST /policies/{policy_set}/test": "takes an empty body",
    "POST /policies/{policy_set}/dry-run": "takes a number",
    "POST /webhooks/{webhook_id}/secret": "takes an empty body",
    "POST /webhooks/{webhook_id}/test": "takes an empty body",
    "POST /webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver": "takes an empty body",
}
"""Operations whose body has no place for a text, and what it has instead."""

OF_NO_PROJECT = {
    "instance_id": "a host of the installation, which administrators see",
    "kind": "a kind of the catalog, the same for all",
    "sheet_id": "a price sheet of the installation, which everybody may read",
    "policy_set": "a set of policies of the installation, which everybody may read",
    "serial": "a number that is only looked for in one stack",
}
"""Names in paths that are of no project, and what they are."""


@pytest.fixture(scope="module")
def clouds(sandbox_service: Service) -> Iterator[list[Cloud]]:
    """Two accounts of the sandbox cloud."""
    made = [
        Cloud(sandbox_service.endpoint, sandbox_service.make_account(f"outsiders-{number}"))
        for number in range(2)
    ]
    yield made
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def worlds(make_reader: MakeReader, clouds: list[Cloud]) -> Worlds:
    """Two projects; the outsider fills its own with whatever a request is granted."""
    return Worlds(make_reader(), clouds[0])


@pytest.fixture(scope="module")
def calm(make_reader: MakeReader, clouds: list[Cloud]) -> Worlds:
    """Two projects in which nothing is made any more."""
    return Worlds(make_reader(), clouds[1])


def missing(value: str) -> str:
    """Formed like a foreign id or name, so that rules of form say the same of both."""
    prefix, sign, _ = value.rpartition("_")
    named = re.sub("[a-z]", "z", re.sub("[0-9]", "9", value))
    return f"{prefix}_{MISSING}" if sign else named


def plain(text: str, *values: str) -> str:
    """An answer without what is different each time, and without what was asked for."""
    for value in filter(None, values):
        text = text.replace(value, "ASKED")
    text = ULID.sub("ID", text)
    text = re.sub(r"\bn-\d+", "NAME", text)
    return re.sub(r'"request_id": "[^"]*"|\d{4}-\d\d-\d\dT[^"]*|\b\d+ seconds?\b', "", text)


def asked(
    worlds: Worlds, item: Described, path: str, value: str, body: Any, query: dict[str, str]
) -> tuple[int, str]:
    """Send a request as the outsider, and return what matters of its answer."""
    headers = {"If-Match": "*"} if "If-Match" in item.headers() else {}
    options = {"json": body} if body is not None else {}
    if item.method == "PATCH" and "labels" in (body or {}):
        worlds.forget_labels()  # they are merged: those of an earlier request would be shown
    answer = worlds.outsider.call(
        item.method, path, headers=headers, query_string=query, buffered=True, **options
    )
    assert answer.status_code < 500, answer.text
    told = plain(answer.text, value, *([path] if value in path else []))
    for other in worlds.theirs.values():
        assert f'"{other}"' not in told, (item, body, "tells of another thing")
    return answer.status_code, told if answer.status_code >= 400 else ""


def foreign_paths(worlds: Worlds, item: Described) -> Iterator[tuple[dict[str, str], str]]:
    """Yield the values of a path in which one name is foreign, or all are, and which that is."""
    known = [name for name in item.names if name in worlds.theirs]
    if len(known) > 1:
        yield {**worlds.ours, **{name: worlds.theirs[name] for name in known}}, "all"
    for name in known:
        if (str(item), name) not in EXCEPTIONS:
            yield {**worlds.ours, name: worlds.theirs[name]}, name


@pytest.mark.parametrize("item", [item for item in ALL if item.names], ids=str)
def test_a_foreign_thing_in_a_path_is_answered_as_one_that_does_not_exist(
    calm: Worlds, item: Described
) -> None:
    before, theirs = calm.snapshot(), set(calm.theirs.values())
    for values, which in foreign_paths(calm, item):
        nothing = {key: missing(one) if one in theirs else one for key, one in values.items()}
        body = item.example
        found = asked(calm, item, calm.path(item, values), "", body, {})
        none = asked(calm, item, calm.path(item, nothing), "", body, {})
        changed = [key for key in values if values[key] != nothing[key]]
        told = plain(found[1], *(values[key] for key in changed))
        other = plain(none[1], *(nothing[key] for key in changed))
        assert told == other, which
        assert found[0] == none[0] >= 400, which
    assert calm.snapshot() == before


def quick_names(item: Described) -> tuple[str, ...]:
    return (*QUICK, "resource_id") if item.path.endswith(NAMES_RESOURCES) else QUICK


@pytest.mark.timeout(900)  # a state has fifty places, and each upload asks the cloud
@pytest.mark.parametrize("amount", ["some", pytest.param("all", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("item", WITH_TEXT, ids=str)
def test_a_foreign_thing_in_a_body_is_answered_as_one_that_does_not_exist(
    worlds: Worlds, item: Described, amount: str
) -> None:
    before, path = worlds.snapshot(), worlds.path(item, worlds.ours)

    def send(place: Path, value: str) -> tuple[int, str]:
        if item.path.endswith("/resolve"):
            worlds.interrupt_again()
        return asked(worlds, item, path, value, body_with(item, place, value, "ours"), {})

    for name in quick_names(item) if amount == "some" else worlds.theirs:
        value, nothing = worlds.theirs[name], missing(worlds.theirs[name])
        for place in places(item):
            none, found = send(place, nothing), send(place, value)
            is_refusal = name == "resource_id" and found[0] in (409, 422)
            # How long somebody who guesses has to wait hangs on the clock, not on the name.
            is_throttled = 429 in (none[0], found[0])
            assert is_refusal or is_throttled or found in (none, send(place, nothing)), (
                name,
                place,
            )
    assert worlds.snapshot() == before


@pytest.mark.parametrize("item", [item for item in ALL if item.method == "GET"], ids=str)
def test_a_foreign_thing_in_a_filter_is_answered_as_one_that_does_not_exist(
    calm: Worlds, item: Described
) -> None:
    path = calm.path(item, calm.ours)
    names = [one["name"] for one in item.operation["parameters"] if one["in"] == "query"]
    for name in names:
        for value in (*calm.theirs.values(), "secret=their-stack-label"):
            nothing = missing(value)
            none = asked(calm, item, path, nothing, None, {name: nothing})
            found = asked(calm, item, path, value, None, {name: value})
            assert found == none, (name, value)
            shown = calm.outsider.get(path, **{name: value}).get_json(force=True)
            assert not shown.get("items"), (name, value)


def test_no_list_shows_a_outsider_anything_of_another_project(calm: Worlds) -> None:
    for item in ALL:
        if item.method == "GET" and not item.names:
            text = calm.outsider.call("GET", item.path, buffered=True).text
            for value in calm.theirs.values():
                assert json.dumps(value) not in text, (item, value)


@pytest.fixture(scope="module")
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


@pytest.mark.parametrize(
    "form",
    [
        "http://127.0.0.1:{port}/x",
        *(
            pytest.param(form, marks=pytest.mark.thorough)
            for form in (
                'provider["{host}/evil/evil"]',
                "{host}",
                "git::http://{host}/x.git",
                "{file}",
                "file://{file}",
                '${{file("{file}")}}',
            )
        ),
    ],
)
def test_no_place_in_a_body_reaches_an_address_or_reads_a_file(
    worlds: Worlds, listener: Listener, tmp_path: File, form: str
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("canary-5d1e", encoding="utf-8")
    value = form.format(port=listener.port, host=f"localhost:{listener.port}", file=secret)
    for item in WITH_TEXT:
        path = worlds.path(item, worlds.ours)
        for place in places(item):
            body = body_with(item, place, value, "ours")
            answer = worlds.outsider.call(item.method, path, json=body, headers={"If-Match": "*"})
            assert answer.status_code < 500, (item, place, answer.text)
            assert "canary-5d1e" not in answer.text, (item, place)
    assert listener.connections == 0


def test_every_method_of_the_document_is_walked() -> None:
    count = sum(method in one for one in DOCUMENT["paths"].values() for method in METHODS)
    assert len(operations()) == count


def test_a_body_without_a_place_for_a_text_is_named_with_what_it_takes() -> None:
    without = {str(item) for item in ALL if schema_of(item) is not None and not places(item)}
    assert without == set(WITHOUT_TEXT)
    assert {operation for operation, _ in EXCEPTIONS} <= {str(item) for item in ALL}


def test_every_name_in_a_path_is_one_of_a_project_or_said_to_be_of_none(calm: Worlds) -> None:
    names = {name for item in ALL for name in item.names}
    assert names - set(calm.theirs) == set(OF_NO_PROJECT)
