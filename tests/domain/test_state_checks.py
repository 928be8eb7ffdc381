"""An uploaded state names only what a module declares, in the form in which Terraform writes it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.declared_types import DeclaredTypes
from app.domain.state_checks import (
    MAX_INSTANCES,
    MAX_OUTPUTS,
    MAX_PROBLEMS,
    MAX_RESOURCES,
    check_declared_address,
    check_known_providers,
    check_uploaded_state,
)
from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.domain.state_types import conforms, is_type
from app.errors import ValidationError

SOURCE = "landform.local/landform/sandbox"
PROVIDER = f'provider["{SOURCE}"]'
DECLARED = DeclaredTypes(
    managed={"sandbox_network": frozenset({PROVIDER}), "sandbox_subnet": frozenset({PROVIDER})},
    data={"sandbox_machine": frozenset({PROVIDER})},
)
GOOD: dict[str, Any] = {
    "version": 4,
    "terraform_version": "1.11.4",
    "serial": 7,
    "lineage": "6f1c2f5e-8a43-4bfa-9d0e-2f6f3c6f0001",
    "outputs": {
        "id": {"value": "net_1", "type": "string"},
        "zones": {"value": ["a"], "type": ["list", "string"], "sensitive": True},
        "all": {
            "value": {"n": 1, "t": ["x", None], "d": {"value": True, "type": "bool"}},
            "type": ["object", {"n": "number", "t": ["tuple", ["string", "bool"]], "d": "dynamic"}],
        },
    },
    "resources": [
        {
            "mode": "managed",
            "type": "sandbox_network",
            "name": "this",
            "provider": PROVIDER,
            "instances": [
                {
                    "schema_version": 0,
                    "attributes": {"id": "net_1", "tags": {"a": "b\n"}, "n": 1.5},
                    "sensitive_attributes": [
                        [{"type": "get_attr", "value": "user_data"}],
                        [{"type": "index", "value": {"value": "k", "type": "string"}}],
                    ],
                    "private": "eyJhIjoxfQ==",
                    "identity_schema_version": 0,
                }
            ],
        },
        {
            "mode": "managed",
            "type": "sandbox_subnet",
            "name": "this",
            "provider": PROVIDER,
            "instances": [
                {
                    "index_key": 'eu "west" ünïcode',
                    "status": "tainted",
                    "schema_version": 0,
                    "attributes": {"id": "sub_1"},
                    "dependencies": ["sandbox_network.this", "data.sandbox_machine.m"],
                    "create_before_destroy": True,
                },
                {"index_key": 0, "attributes": {"id": "sub_2"}, "deposed": "0a1b2c3d"},
            ],
        },
        {
            "mode": "data",
            "type": "sandbox_machine",
            "name": "m",
            "provider": PROVIDER,
            "instances": [{"schema_version": 0, "attributes": {}}],
        },
    ],
    "check_results": [
        {
            "object_kind": "resource",
            "config_addr": "sandbox_subnet.this",
            "status": "fail",
            "objects": [
                {
                    "object_addr": 'sandbox_subnet.this["a"]',
                    "status": "fail",
                    "failure_messages": ["no"],
                }
            ],
        },
        {"object_kind": "check", "config_addr": "check.c", "status": "unknown", "objects": None},
    ],
}

Path = tuple[str | int, ...]


def check(document: object) -> None:
    check_uploaded_state(json.dumps(document).encode(), DECLARED, "network 1.0.0 on sandbox")


def changed(path: Path, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(GOOD)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return document


def pointers(document: object) -> list[str]:
    with pytest.raises(ValidationError) as caught:
        check(document)
    return [item.pointer for item in caught.value.problems]


NETWORK: Path = ("resources", 0)
INSTANCE: Path = (*NETWORK, "instances", 0)


def test_a_state_as_terraform_writes_it_is_good() -> None:
    check(GOOD)
    check({"version": 4, "serial": 1, "lineage": "l", "resources": None, "outputs": None})


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ((*NETWORK, "provider"), 'provider["localhost:1/evil/evil"]'),
        ((*NETWORK, "provider"), f"{PROVIDER}.other"),
        ((*NETWORK, "provider"), f"module.a.{PROVIDER}"),
        ((*NETWORK, "provider"), "provider.sandbox"),
        ((*NETWORK, "provider"), 'provider["terraform.io/builtin/terraform"]'),
        ((*NETWORK, "provider"), [PROVIDER]),
        ((*NETWORK, "provider"), {}),
        ((*NETWORK, "provider"), None),
        ((*NETWORK, "type"), "sandbox_bucket"),
        ((*NETWORK, "type"), "terraform_data"),
        ((*NETWORK, "type"), "sandbox_machine"),
        ((*NETWORK, "type"), ["sandbox_network"]),
        ((*NETWORK, "type"), "sandbox_network\n"),
        ((*NETWORK, "mode"), "ephemeral"),
        ((*NETWORK, "mode"), "MANAGED"),
        ((*NETWORK, "module"), "module.a"),
        ((*NETWORK, "name"), "this that"),
        ((*NETWORK, "name"), "this\n"),
        ((*NETWORK, "name"), ""),
        ((*NETWORK, "name"), 'x"]'),
        ((*NETWORK, "name"), "x\u202e"),
        ((*NETWORK, "each"), "all"),
        ((*NETWORK, "Provider"), 'provider["localhost:1/evil/evil"]'),
        ((*INSTANCE, "Attributes"), {"id": "x"}),
        ((*INSTANCE, "attributes_flat"), {"id": "x"}),
        ((*INSTANCE, "index_key"), 1.5),
        ((*INSTANCE, "index_key"), -1),
        ((*INSTANCE, "index_key"), 2**31),
        ((*INSTANCE, "index_key"), True),
        ((*INSTANCE, "index_key"), "a\x00"),
        ((*INSTANCE, "index_key"), "a\u200bb"),
        ((*INSTANCE, "index_key"), "x" * 513),
        ((*INSTANCE, "status"), "gone"),
        ((*INSTANCE, "deposed"), "xyz"),
        ((*INSTANCE, "deposed"), 12345678.5),
        ((*INSTANCE, "schema_version"), -1),
        ((*INSTANCE, "schema_version"), "0"),
        ((*INSTANCE, "private"), "not base64!"),
        ((*INSTANCE, "dependencies"), ["no address"]),
        ((*INSTANCE, "dependencies"), ["a.b"] * 501),
        ((*INSTANCE, "dependencies"), "a.b"),
        ((*INSTANCE, "sensitive_attributes"), [[{"type": "all", "value": "x"}]]),
        ((*INSTANCE, "sensitive_attributes"), ["tags"]),
        ((*INSTANCE, "create_before_destroy"), "yes"),
        ((*INSTANCE, "identity"), "x"),
        ((*INSTANCE, "attributes", "id"), 5),
        ((*INSTANCE, "attributes", "id"), ""),
        ((*INSTANCE, "attributes", "id"), "a\x07"),
        ((*INSTANCE, "attributes", "id"), "x" * 2049),
        (("outputs", "id", "type"), "text"),
        (("outputs", "id", "type"), ["list"]),
        (("outputs", "id", "value"), 3),
        (("outputs", "id", "sensitive"), "no"),
        (("outputs", "id", "Value"), "x"),
        (("check_results", 0, "status"), "good"),
        (("check_results", 0, "object_kind"), "x"),
        (("check_results", 0, "config_addr"), "a b"),
        (("check_results", 0, "objects"), [{"object_addr": "x\n", "status": "fail"}]),
        (("Resources",), []),
    ],
)
def test_what_terraform_would_not_write_here_is_refused_where_it_stands(
    path: Path, value: Any
) -> None:
    pointer = "/" + "/".join(map(str, path))
    found = pointers(changed(path, value))
    assert len(found) == 1
    assert pointer.startswith(found[0])
    assert len(found[0].split("/")) >= min(len(pointer.split("/")) - 2, 3)


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (("version",), 4.0, "/version"),
        (("version",), True, "/version"),
        (("terraform_version",), 1.0, "/terraform_version"),
        (("resources",), {}, "/resources"),
        (("outputs",), [], "/outputs"),
        ((*NETWORK, "instances"), {}, "/resources"),
        ((*INSTANCE, "attributes"), None, "/resources/0/instances/0/attributes"),
        (("outputs", "a b"), {"value": 1, "type": "number"}, "/outputs"),
        (("outputs", "a\u202eb"), {"value": 1, "type": "number"}, "/outputs"),
        (("check_results",), {}, "/check_results"),
    ],
)
def test_other_types_than_terraform_reads_are_refused(path: Path, value: Any, pointer: str) -> None:
    assert pointers(changed(path, value)) == [pointer]


@pytest.mark.parametrize(
    "text",
    [
        b'{"serial": 1, "serial": 2}',
        b'{"resources": [{"provider": "a", "provider": "b"}]}',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"[" * 65 + b"]" * 65,
        b'{"a": [' + b"0," * 500_001 + b"0]}",
    ],
)
def test_json_that_two_readers_could_read_otherwise_or_not_at_all_is_refused(text: bytes) -> None:
    with pytest.raises(ValidationError) as caught:
        check_uploaded_state(text, DECLARED, "x")
    assert [item.pointer for item in caught.value.problems] == [""]


def test_a_state_is_refused_for_its_depth_or_for_its_size_and_told_which() -> None:
    def told(text: bytes) -> str:
        with pytest.raises(ValidationError) as caught:
            check_uploaded_state(text, DECLARED, "x")
        return caught.value.problems[0].message

    def nested(depth: int) -> bytes:
        return b'{"version": 4, "a": ' + b"[" * (depth - 2) + b"0" + b"]" * (depth - 2) + b"}"

    assert told(nested(65)) == "The state is nested more than 64 deep."
    assert "deep" not in told(nested(64))
    values = b'{"a": [' + b"0," * 500_000 + b"0]}"
    assert told(values) == "The state has more than 500000 values."
    deep = b'{"a": ' + b"[" * 62 + b"0," * 500_000 + b"0" + b"]" * 62 + b"}"
    assert told(deep) == "The state has more than 500000 values."


def test_a_number_of_any_length_is_a_number() -> None:
    text = json.dumps(changed(("outputs", "id"), {"value": 7, "type": "number"}))
    for number in ("9" * 5000, "1e400", "0.1"):
        data = text.replace('"value": 7', f'"value": {number}').encode()
        check_uploaded_state(data, DECLARED, "x")


def test_the_same_resource_or_instance_twice_is_refused() -> None:
    document = copy.deepcopy(GOOD)
    document["resources"].append(copy.deepcopy(document["resources"][0]))
    assert pointers(document) == ["/resources/3"]
    document = copy.deepcopy(GOOD)
    document["resources"][0]["instances"] *= 2
    assert pointers(document) == ["/resources/0/instances/1"]


def instances(*these: dict[str, Any]) -> dict[str, Any]:
    return changed((*NETWORK, "instances"), [{"attributes": {}, **one} for one in these])


def test_an_instance_is_told_from_others_by_its_key_its_type_and_whether_it_is_deposed() -> None:
    check(
        instances(
            {},
            {"deposed": "0a1b2c3d"},
            {"deposed": "0a1b2c3e"},
            {"index_key": 0},
            {"index_key": "0"},
            {"index_key": 0, "deposed": "0a1b2c3d"},
        )
    )
    for twice in ({"index_key": 0}, {"deposed": "0a1b2c3d"}, {"index_key": "a", "deposed": ""}):
        assert pointers(instances(twice, {"index_key": "z"}, twice)) == ["/resources/0/instances/2"]


@pytest.mark.parametrize(
    ("path", "value", "pointer"),
    [
        (("resources",), [GOOD["resources"][0]] * (MAX_RESOURCES + 1), "/resources"),
        (
            (*NETWORK, "instances"),
            [{"index_key": n, "attributes": {}} for n in range(MAX_INSTANCES + 1)],
            "/resources",
        ),
        (
            ("outputs",),
            {f"o{n}": {"value": 1, "type": "number"} for n in range(MAX_OUTPUTS + 1)},
            "/outputs",
        ),
    ],
)
def test_absurd_numbers_of_things_are_refused(path: Path, value: Any, pointer: str) -> None:
    assert pointers(changed(path, value)) == [pointer]


def test_no_more_faults_are_told_than_anybody_reads() -> None:
    bad = {**GOOD["resources"][0], "type": "evil"}
    document = {**GOOD, "resources": [{**bad, "name": f"n{n}"} for n in range(1000)]}
    assert len(pointers(document)) == MAX_PROBLEMS


NAMES = st.from_regex(r"[a-z]{1,8}_[a-z]{1,8}", fullmatch=True)
SOURCES = st.one_of(
    st.from_regex(r"[a-z.]{1,12}(:[0-9]{1,5})?/[a-z]{1,8}/[a-z]{1,8}", fullmatch=True),
    st.text(max_size=60),
)


def _other_type(name: str, index: int) -> dict[str, Any]:
    return changed(("resources", index, "type"), name)


def _other_provider(source: str, index: int) -> dict[str, Any]:
    return changed(("resources", index, "provider"), f'provider["{source}"]')


def _other_module(name: str, index: int) -> dict[str, Any]:
    return changed(("resources", index, "module"), f"module.{name}")


@given(
    st.sampled_from([_other_type, _other_provider, _other_module]),
    st.one_of(NAMES, SOURCES),
    st.integers(0, 2),
)
def test_whatever_foreign_is_put_into_a_good_state_is_refused(
    spoil: Callable[[str, int], dict[str, Any]], text: str, index: int
) -> None:
    document = spoil(text, index)
    types = DECLARED.of_mode(document["resources"][index]["mode"])
    is_declared = document["resources"][index]["type"] in types
    is_own = document["resources"][index]["provider"] == PROVIDER
    if is_declared and is_own and "module" not in document["resources"][index]:
        return
    assert pointers(document)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


PLACES: list[Path] = [
    *((name,) for name in GOOD),
    *((*NETWORK, name) for name in (*GOOD["resources"][0], "module", "each")),
    *((*INSTANCE, name) for name in GOOD["resources"][1]["instances"][0]),
    ("outputs", "id"),
    ("outputs", "id", "type"),
    ("check_results", 0),
    ("check_results", 0, "objects", 0),
]


@given(st.sampled_from(PLACES), JSON)
def test_no_value_at_any_place_makes_the_check_fail_otherwise(path: Path, value: Any) -> None:
    document = changed(path, value)
    try:
        StateFile.parse(json.dumps(document).encode())
        check(document)
    except (StateError, ValidationError):
        return


@given(JSON, JSON)
def test_any_value_may_be_asked_about_its_type(value: Any, type_: Any) -> None:
    if is_type(type_):
        assert conforms(None, type_)
        conforms(value, type_)


def test_the_last_door_lets_only_declared_providers_through() -> None:
    for provider in (PROVIDER, f"{PROVIDER}.alias"):
        good = changed((*NETWORK, "provider"), provider)
        check_known_providers(json.dumps(good).encode(), [SOURCE])
    for provider in ('provider["localhost:1/evil/evil"]', f"module.x.{PROVIDER}", None, 3, "x"):
        bad = changed((*NETWORK, "provider"), provider)
        with pytest.raises(StateError, match=r"sandbox_network\.this"):
            check_known_providers(json.dumps(bad).encode(), [SOURCE])


@pytest.mark.parametrize("resources", [None, []])
def test_a_state_without_resources_names_no_provider(resources: Any) -> None:
    check_known_providers(json.dumps({**GOOD, "resources": resources}).encode(), [SOURCE])


def test_an_import_goes_to_a_declared_type_of_the_root_module() -> None:
    assert check_declared_address('sandbox_subnet.this["a"]', DECLARED) is None
    for address in ("sandbox_bucket.x", "module.a.sandbox_network.x", "data.sandbox_machine.m"):
        assert check_declared_address(address, DECLARED)
