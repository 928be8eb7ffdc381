"""Parameters: what is accepted, what is refused and how it is said, defaults, frozen, secret."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.parameters import MASK, ParameterSchema, merge_sensitive
from app.errors import ValidationError

NESTED = ParameterSchema(
    {
        "pool": {
            "type": "object",
            "default": {},
            "properties": {
                "size": {"type": "string", "default": "small"},
                "zone": {"type": "string", "default": "a", "immutable": True},
                "password": {"type": ["string", "null"], "sensitive": True},
            },
        },
        "rules": {
            "type": "array",
            "uniqueItems": True,
            "items": {
                "type": "object",
                "required": ["port"],
                "properties": {
                    "port": {"type": "integer", "minimum": 1, "maximum": 65535},
                    "open": {"type": "boolean", "default": False},
                },
            },
        },
        "labels": {
            "type": "object",
            "additionalProperties": {"type": "string", "maxLength": 5},
            "maxProperties": 2,
        },
        "key": {"type": "string", "sensitive": True},
    },
    [],
)


def problems(validate: Any, parameters: object) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        validate(parameters)
    found = caught.value.problems
    assert len({problem.pointer for problem in found}) == len(found)
    assert [problem.pointer for problem in found] == sorted(problem.pointer for problem in found)
    return {problem.pointer: problem.message for problem in found}


def validated(parameters: object) -> tuple[dict[str, Any] | None, list[str]]:
    """Return what the parameters become, or the pointers of what is wrong with them."""
    try:
        return NESTED.validate(parameters, pointer_prefix="/parameters"), []
    except ValidationError as error:
        return None, [problem.pointer for problem in error.problems]


def nested_problems(parameters: object) -> dict[str, str]:
    return problems(lambda value: NESTED.validate(value, pointer_prefix="/parameters"), parameters)


@pytest.fixture
def group(catalog: Catalog) -> KindBlueprint:
    return catalog.kind("machine-group")


@pytest.fixture
def network(catalog: Catalog) -> KindBlueprint:
    return catalog.kind("network")


def test_defaults_are_filled_in(network: KindBlueprint, group: KindBlueprint) -> None:
    assert network.validate({}) == {"cidr": "10.0.0.0/16", "zones": 2, "internet_access": True}
    assert group.validate({"network": "web", "count": 3}) == {
        "network": "web",
        "count": 3,
        "size": "small",
        "image": "debian-12",
    }


def test_defaults_are_filled_in_at_every_depth() -> None:
    completed = NESTED.validate({"rules": [{"port": 80}]}, pointer_prefix="")
    assert completed == {
        "pool": {"size": "small", "zone": "a"},
        "rules": [{"port": 80, "open": False}],
    }


def test_what_is_given_is_not_changed_by_validation() -> None:
    given_parameters: dict[str, Any] = {"rules": [{"port": 80}]}
    completed = NESTED.validate(given_parameters, pointer_prefix="")
    completed["pool"]["size"] = "changed"
    assert given_parameters == {"rules": [{"port": 80}]}
    assert NESTED.validate({}, pointer_prefix="")["pool"]["size"] == "small"


def test_all_problems_are_told_at_once_each_at_its_pointer(group: KindBlueprint) -> None:
    assert problems(group.validate, {"nework": "x", "size": "huge", "count": 21}) == {
        "/parameters/count": "Must be at most 20 machines.",
        "/parameters/network": "Is required.",
        "/parameters/nework": (
            "Is not a known field (did you mean network?); "
            "the fields are: count, image, network, size, user_data."
        ),
        "/parameters/size": "Must be one of: small, medium, large.",
    }


def test_the_pointer_prefix_can_be_chosen(group: KindBlueprint) -> None:
    with pytest.raises(ValidationError) as caught:
        group.validate({}, pointer_prefix="/body/0")
    assert caught.value.problems[0].pointer == "/body/0/network"


@pytest.mark.parametrize("value", [None, [], "text", 3, True, object(), (1,), b"x"])
def test_parameters_that_are_no_object_are_refused(network: KindBlueprint, value: object) -> None:
    assert set(problems(network.validate, value)) == {"/parameters"}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (True, "Must be a whole number."),
        ("2", "Must be a whole number."),
        (2.5, "Must be a whole number."),
        (None, "Must be a whole number."),
        ([2], "Must be a whole number."),
        (0, "Must be at least 1 zones."),
        (4, "Must be at most 3 zones."),
        (float("nan"), "Must be a finite number."),
        (float("inf"), "Must be a finite number."),
        (10**400, "Must be between -1e100 and 1e100."),
        (1e300, "Must be between -1e100 and 1e100."),
        (Decimal("0." + "1" * 101), "Must have at most 100 digits."),
        (b"2", "Is not a JSON value."),
    ],
)
def test_a_whole_number_is_nothing_else(
    network: KindBlueprint, value: object, message: str
) -> None:
    assert problems(network.validate, {"zones": value}) == {"/parameters/zones": message}


def test_a_whole_number_written_with_a_point_becomes_one(network: KindBlueprint) -> None:
    zones = network.validate({"zones": 3.0})["zones"]
    assert zones == 3
    assert type(zones) is int


@pytest.mark.parametrize("value", [0, 1, "true", None, []])
def test_a_boolean_is_nothing_else(network: KindBlueprint, value: object) -> None:
    expected = {"/parameters/internet_access": "Must be true or false."}
    assert problems(network.validate, {"internet_access": value}) == expected


@pytest.mark.parametrize(
    "value",
    [
        "10.0.0.0/16\n",
        "\n10.0.0.0/16",
        " 10.0.0.0/16",
        "10.0.0.0/25",
        "10.0.0.0/7",
        "10.0.0.1/16",
        "10.0.0.0",
        "256.0.0.0/8",
        "010.0.0.0/16",
        "10.0.0.0/016",
        "\u0661\u0660.0.0.0/16",
        "::/16",
        "",
        "10.0.0.0/16;drop",
    ],
)
def test_an_address_range_is_an_ipv4_network_and_says_so(
    network: KindBlueprint, value: str
) -> None:
    assert problems(network.validate, {"cidr": value}) == {
        "/parameters/cidr": "Must be an IPv4 network from /8 to /24 such as 10.0.0.0/16."
    }


def test_null_is_a_value_only_where_the_blueprint_says_so(catalog: Catalog) -> None:
    bucket = catalog.kind("bucket")
    assert bucket.validate({"expire_after_days": None})["expire_after_days"] is None
    assert problems(bucket.validate, {"expire_after_days": "x", "public": None}) == {
        "/parameters/expire_after_days": "Must be a whole number or null.",
        "/parameters/public": "Must be true or false.",
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\x00b", "Must not contain a NUL character."),
        ("\ud800", "Must be valid Unicode (it has a lone surrogate)."),
        ("x" * 16_385, "Must have at most 16384 characters."),
        ("x" * 1_000_000, "Must have at most 65536 characters."),
        (MASK, f"Is the mask {MASK}, not a value; leave the field out to keep the present value."),
        (7, "Must be text."),
    ],
)
def test_text_that_cannot_be_kept_is_refused(
    group: KindBlueprint, text: object, message: str
) -> None:
    found = problems(group.validate, {"network": "web", "user_data": text})
    assert found == {"/parameters/user_data": message}


def test_a_message_never_repeats_a_value(group: KindBlueprint) -> None:
    with pytest.raises(ValidationError) as caught:
        group.validate({"network": "", "user_data": ["hunter2"], "size": "hunter2", "count": -77})
    said = str(caught.value) + str(caught.value.problems)
    assert "hunter2" not in said
    assert "-77" not in said


def test_deep_nesting_is_refused_without_recursion(network: KindBlueprint) -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    found = problems(network.validate, {"cidr": deep})
    assert list(found.values()) == ["Is nested deeper than 16 levels."]


@pytest.mark.parametrize(
    "value", [[0] * 1_000_000, {str(n): 0 for n in range(100_000)}, [[0] * 100] * 1000]
)
def test_very_many_values_are_refused(network: KindBlueprint, value: object) -> None:
    found = problems(network.validate, {"cidr": value})
    assert found == {"/parameters": "Has more than 5000 values."}


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("a\x00", "Has a field whose name must not contain a NUL character."),
        ("\ud800", "Has a field whose name must be valid Unicode (it has a lone surrogate)."),
        (3, "Has a field whose name is not a JSON value."),
    ],
)
def test_a_field_name_that_is_no_text_is_refused(
    network: KindBlueprint, key: object, message: str
) -> None:
    assert problems(network.validate, {key: 1}) == {"/parameters": message}


def test_pointers_escape_what_json_pointers_escape(network: KindBlueprint) -> None:
    assert set(problems(network.validate, {"a/b~c": 1})) == {"/parameters/a~1b~0c"}


def test_nested_problems_have_nested_pointers() -> None:
    assert nested_problems(
        {
            "pool": {"sise": "x"},
            "rules": [{"port": 0}, {"open": 1}, {"port": 5}, {"port": 5}],
            "labels": {"a": "too long", "b": 1},
        }
    ) == {
        "/parameters/labels/a": "Must have at most 5 characters.",
        "/parameters/labels/b": "Must be text.",
        "/parameters/pool/sise": (
            "Is not a known field (did you mean size?); the fields are: password, size, zone."
        ),
        "/parameters/rules/0/port": "Must be at least 1.",
        "/parameters/rules/1/open": "Must be true or false.",
        "/parameters/rules/1/port": "Is required.",
        "/parameters/rules/3": "Repeats an earlier entry.",
    }


def test_a_map_with_too_many_fields_is_refused() -> None:
    assert nested_problems({"labels": {"a": "1", "b": "2", "c": "3"}}) == {
        "/parameters/labels": "Must have at most 2 fields."
    }


def test_immutable_changes_are_found(group: KindBlueprint) -> None:
    old = group.validate({"network": "a"})
    assert group.immutable_changes(old, {**old, "count": 9, "size": "large"}) == []
    assert group.immutable_changes(old, {**old, "network": "b", "image": "debian-13"}) == [
        "/parameters/network",
        "/parameters/image",
    ]


def test_a_nested_immutable_value_is_found() -> None:
    assert NESTED.immutable_changes({"pool": {}}, {"pool": {"zone": "b"}}) == [("pool", "zone")]


def test_a_default_that_a_newer_blueprint_brings_is_no_change(network: KindBlueprint) -> None:
    assert network.immutable_changes({"zones": 1}, {"zones": 1, "cidr": "10.0.0.0/16"}) == []
    assert network.immutable_changes({}, {"cidr": "10.1.0.0/16"}) == ["/parameters/cidr"]


def test_secrets_are_parted_and_put_together_again(group: KindBlueprint) -> None:
    parameters = group.validate({"network": "web", "user_data": "s3cret"})
    public, secret = group.split_sensitive(parameters)
    assert "s3cret" not in str(public)
    assert secret == {"user_data": "s3cret"}
    assert group.merge_sensitive(public, secret) == parameters
    assert group.mask(parameters)["user_data"] == MASK
    assert parameters["user_data"] == "s3cret"


def test_a_secret_that_is_not_set_is_not_masked(group: KindBlueprint) -> None:
    parameters = group.validate({"network": "web"})
    assert group.mask(parameters) == parameters
    assert group.split_sensitive(parameters) == (parameters, {})
    assert NESTED.mask({"pool": {"password": None}}) == {"pool": {"password": None}}


JSON_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=50)


@given(
    password=st.none() | JSON_TEXT,
    key=st.none() | JSON_TEXT,
    pool=st.none() | st.dictionaries(st.sampled_from(["size", "zone"]), JSON_TEXT),
)
def test_splitting_loses_nothing_and_leaks_nothing(
    password: str | None, key: str | None, pool: dict[str, str] | None
) -> None:
    parameters: dict[str, Any] = {} if pool is None else {"pool": pool}
    if password is not None:
        parameters.setdefault("pool", {})["password"] = password
    if key is not None:
        parameters["key"] = key
    public, secret = NESTED.split_sensitive(parameters)
    assert merge_sensitive(public, secret) == parameters
    assert "password" not in public.get("pool", {})
    assert "key" not in public
    masked = NESTED.mask(parameters)
    assert masked.get("key") == (None if key is None else MASK)
    assert NESTED.split_sensitive(masked)[0] == public


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_whatever_is_sent_is_either_completed_or_refused_with_pointers(value: object) -> None:
    for candidate in (value, {"pool": value}, {"rules": [value]}, {"labels": value}):
        completed, pointers = validated(candidate)
        assert (completed is None) == bool(pointers)
        assert all(pointer.startswith("/parameters") for pointer in pointers)
        if completed is not None:
            assert NESTED.validate(completed, pointer_prefix="") == completed


@pytest.mark.parametrize("number", [float("inf"), float("nan")])
def test_a_number_that_json_cannot_hold_is_refused_in_a_list_of_different_things(
    number: float,
) -> None:
    for name in ("rules", "labels", "pool"):
        assert validated({name: [number, number]})[1]


def test_the_published_schema_is_plain_and_shows_nothing_of_terraform(catalog: Catalog) -> None:
    for kind in catalog.kinds.values():
        published = kind.parameters
        Draft202012Validator.check_schema(published)
        assert published["additionalProperties"] is False
        assert "x-variable" not in str(published)
    properties = catalog.kind("machine-group").parameters["properties"]
    assert properties["user_data"]["writeOnly"] is True
    assert properties["user_data"]["x-sensitive"] is True
    assert properties["image"]["x-immutable"] is True
    assert properties["count"]["x-unit"] == "machines"
    assert properties["network"]["x-references"] == {"kind": "network"}
    assert not {"immutable", "sensitive"} & {key for item in properties.values() for key in item}


def test_the_published_schema_is_a_copy(network: KindBlueprint) -> None:
    network.parameters["properties"].clear()
    assert network.parameters["properties"]


def test_a_nested_object_is_published_as_closed() -> None:
    published = NESTED.publish()
    assert published["properties"]["pool"]["additionalProperties"] is False
    assert published["properties"]["rules"]["items"]["additionalProperties"] is False
    assert published["properties"]["labels"]["additionalProperties"] == {
        "type": "string",
        "maxLength": 5,
    }
