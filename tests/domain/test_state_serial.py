"""The serial of a state is raised by its digits alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.state_errors import StateError
from app.domain.state_file import StateFile
from app.domain.state_serial import MAX_SERIAL, with_serial
from tests.domain.test_state_file import FILE_VALUES, WHOLE, state_bytes


def test_only_the_digits_of_the_serial_change() -> None:
    raised = with_serial(WHOLE, 12)
    assert raised == WHOLE.replace(b'"serial": 1,', b'"serial": 12,')
    assert StateFile.parse(raised).lineage == StateFile.parse(WHOLE).lineage


def test_other_serials_inside_the_state_stay() -> None:
    attributes = {"serial": 1, "nested": {"serial": 1}, "text": '"serial": 1,'}
    data = state_bytes(
        resources=[
            {
                "mode": "managed",
                "type": "t",
                "name": "serial",
                "instances": [{"attributes": attributes}],
            }
        ]
    )
    raised = json.loads(with_serial(data, 99))
    assert raised["serial"] == 99
    assert raised["resources"][0]["instances"][0]["attributes"] == attributes


@pytest.mark.parametrize(
    "data",
    [
        b'{"serial":1,"version":4,"lineage":"a"}',
        b'\n { "version" : 4 ,\t"lineage":"a" ,"serial" :\n 1 }\n\n',
        '{"lineage":"ü","version":4,"note":"\\u00fc","serial":0}'.encode(),
        b'{"version":4,"lineage":"a","big":123456789012345678901234567890.10,"serial":7}',
    ],
)
def test_every_layout_keeps_its_other_bytes(data: bytes) -> None:
    raised = with_serial(data, 4711)
    assert StateFile.parse(raised).serial == 4711
    before, _, after = raised.partition(b"4711")
    assert data.startswith(before)
    assert data.endswith(after)
    assert len(data) - len(before) - len(after) == 1


@pytest.mark.parametrize("serial", [-1, MAX_SERIAL + 1])
def test_an_impossible_serial_is_refused(serial: int) -> None:
    with pytest.raises(StateError, match="cannot be the serial"):
        with_serial(WHOLE, serial)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        WHOLE[:60],
        b'{"version":4,"lineage":"a","serial":1,"serial":2}',
        b'{"version":4,"lineage":"a","serial":1,"s\\u0065rial":2}',
        b'{"version":4,"lineage":"a","serial":"1"}',
        b'{"version":4,"lineage":"a","serial":1.0}',
        b'\xef\xbb\xbf{"version":4,"lineage":"a","serial":1}',
    ],
)
def test_what_is_no_whole_state_is_refused(data: bytes) -> None:
    with pytest.raises(StateError):
        with_serial(data, 5)


@given(
    st.integers(0, MAX_SERIAL),
    st.integers(0, MAX_SERIAL),
    st.dictionaries(st.text(max_size=8), FILE_VALUES, max_size=4),
    st.sampled_from([None, 0, 2, "\t"]),
    st.booleans(),
)
def test_any_state_keeps_everything_but_its_serial(
    old: int, new: int, more: dict[str, Any], indent: Any, ascii_only: bool
) -> None:
    known = {"version", "terraform_version", "lineage", "serial", "resources", "outputs"}
    extra = {name: value for name, value in more.items() if name not in known}
    document = {**json.loads(state_bytes(serial=old)), **extra}
    try:
        data = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode()
    except UnicodeEncodeError:
        return  # a lone surrogate is no text that a file can hold
    raised = json.loads(with_serial(data, new))
    assert raised.pop("serial") == new
    document.pop("serial")
    assert json.dumps(raised, sort_keys=True) == json.dumps(document, sort_keys=True)
    assert with_serial(with_serial(data, new), old) == data
