"""What counts as a complete state, and which state may follow which."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.state_errors import StateError, StateLineageError, StateSerialError
from app.domain.state_file import StateFile, check_successor, is_same_state, names_in


def state_bytes(serial: int = 1, lineage: str = "lineage-a", **changes: Any) -> bytes:
    document = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": serial,
        "lineage": lineage,
        "outputs": {"o": {"value": "ü", "type": "string", "sensitive": True}},
        "resources": [
            {
                "mode": "managed",
                "type": "terraform_data",
                "name": "a",
                "module": "module.m",
                "provider": 'provider["terraform.io/builtin/terraform"]',
                "instances": [
                    {"index_key": "x y", "attributes": {"id": "1"}, "status": "tainted"},
                    {"index_key": 0, "attributes": {"id": "2"}},
                    {"index_key": 0, "attributes": {"id": "3"}, "deposed": "ab12"},
                ],
            },
            {"mode": "data", "type": "d", "name": "b", "instances": [{"attributes": {}}]},
        ],
    }
    return json.dumps({**document, **changes}, indent=2).encode() + b"\n"


WHOLE = state_bytes()


def test_a_state_is_read_with_addresses_ids_taint_and_outputs() -> None:
    state = StateFile.parse(WHOLE)
    assert (state.version, state.serial, state.lineage) == (4, 1, "lineage-a")
    assert state.identifiers() == {
        'module.m.terraform_data.a["x y"]': "1",
        "module.m.terraform_data.a[0]": "2",
        "module.m.terraform_data.a[0] (deposed ab12)": "3",
    }
    assert [item.is_tainted for item in state.resources[0].instances] == [True, False, False]
    assert state.resources[1].address == "data.d.b"
    assert state.outputs["o"].value == "ü"
    assert state.outputs["o"].is_sensitive


def test_a_state_names_its_own_resources_by_id_and_arn_and_none_that_it_only_reads() -> None:
    attributes = {"id": "net_1", "arn": "arn:aws:x", "name": "web"}
    document = json.loads(with_instance(attributes=attributes))
    read = {**document["resources"][0], "mode": "data", "name": "other"}
    read["instances"] = [{"attributes": {"id": "net_2", "arn": "arn:aws:y"}}]
    document["resources"].append(read)
    data = json.dumps(document).encode() + b"\n"
    assert names_in(StateFile.parse(data)) == {"net_1", "arn:aws:x"}
    assert names_in(StateFile.parse(with_instance(attributes={"id": "", "arn": 7}))) == set()
    assert names_in(None) == set()


def test_a_state_with_data_sources_only_is_empty_and_one_with_a_resource_is_not() -> None:
    assert StateFile.parse(state_bytes(resources=[])).is_empty
    data = {"mode": "data", "type": "d", "name": "b", "instances": [{"attributes": {}}]}
    assert StateFile.parse(state_bytes(resources=[data])).is_empty
    assert not StateFile.parse(WHOLE).is_empty


def test_a_state_torn_at_any_byte_is_refused_or_lacks_only_its_last_newline() -> None:
    accepted = []
    for length in range(len(WHOLE)):
        try:
            StateFile.parse(WHOLE[:length])
        except StateError:
            continue
        accepted.append(length)
    assert accepted == [len(WHOLE) - 1]
    assert is_same_state(WHOLE[:-1], WHOLE)


def with_instance(**fields: Any) -> bytes:
    resource = {"mode": "managed", "type": "t", "name": "n", "instances": [fields]}
    return state_bytes(resources=[resource])


@pytest.mark.parametrize("key", ["", "a", 0, 7, None])
def test_an_instance_has_a_text_or_a_number_for_a_key_or_none(key: str | int | None) -> None:
    state = StateFile.parse(with_instance(attributes={"id": "1"}, index_key=key))
    assert state.resources[0].instances[0].index_key == key


@pytest.mark.parametrize(
    "fields",
    [
        {"index_key": 1.5, "attributes": {"id": "1"}},
        {"index_key": ["a"], "attributes": {"id": "1"}},
        {"index_key": {"a": 1}, "attributes": {"id": "1"}},
        {"attributes": ["id"]},
        {"attributes": "id"},
        {"attributes_flat": ["id"]},
    ],
)
def test_an_instance_of_another_form_makes_no_state(fields: dict[str, Any]) -> None:
    with pytest.raises(StateError):
        StateFile.parse(with_instance(**fields))


@given(st.binary(max_size=200))
def test_random_bytes_are_refused_without_another_error(data: bytes) -> None:
    with pytest.raises(StateError):
        StateFile.parse(data)


def values_of(numbers: st.SearchStrategy[float]) -> st.SearchStrategy[Any]:
    """Return values of JSON's forms with such numbers."""
    return st.recursive(
        st.none() | st.booleans() | st.integers() | numbers | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=8,
    )


JSON_VALUES = values_of(st.floats())
FILE_VALUES = values_of(st.floats(allow_nan=False, allow_infinity=False))
"""What a file can hold: JSON knows neither infinity nor NaN."""


@given(
    st.sampled_from(["version", "serial", "lineage", "resources", "outputs", "terraform_version"]),
    JSON_VALUES,
)
def test_any_value_in_any_field_is_read_or_refused_in_words(field: str, value: Any) -> None:
    try:
        state = StateFile.parse(state_bytes(**{field: value}))
    except StateError:
        return
    assert isinstance(state.serial, int)
    assert state.lineage.strip()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"\0" * 4096, "empty"),
        (b" \n", "empty"),
        (b"[]", "not an object"),
        (b"\xff\xfe{}", "not JSON"),
        (b"[" * 100_000, "torn or not JSON"),
        (state_bytes(version=3), "format version 3"),
        (state_bytes(version=True), "format version True"),
        (state_bytes(lineage=""), "no lineage"),
        (state_bytes(serial=-1), "no valid serial"),
        (state_bytes(serial=True), "no valid serial"),
        (state_bytes(resources=[{"mode": "managed"}]), "not shaped"),
    ],
)
def test_what_is_wrong_with_a_state_is_said(data: bytes, words: str) -> None:
    with pytest.raises(StateError, match=words):
        StateFile.parse(data)


def test_any_state_may_be_the_first() -> None:
    assert check_successor(None, state_bytes(serial=9)).serial == 9


def test_a_higher_serial_of_the_same_lineage_may_follow() -> None:
    assert check_successor(WHOLE, state_bytes(serial=2)).serial == 2


def test_the_same_bytes_may_follow_themselves_also_without_the_last_newline() -> None:
    assert check_successor(WHOLE, WHOLE[:-1]).serial == 1


@pytest.mark.parametrize(
    ("new", "error"),
    [
        (state_bytes(serial=0), StateSerialError),
        (state_bytes(serial=1, outputs={}), StateSerialError),
        (state_bytes(serial=5, lineage="lineage-b"), StateLineageError),
        (b"", StateError),
    ],
)
def test_an_older_another_or_a_conflicting_state_may_not_follow(
    new: bytes, error: type[StateError]
) -> None:
    with pytest.raises(error):
        check_successor(WHOLE, new)


def test_a_damaged_present_state_lets_nothing_follow() -> None:
    with pytest.raises(StateError):
        check_successor(WHOLE[:50], state_bytes(serial=2))
