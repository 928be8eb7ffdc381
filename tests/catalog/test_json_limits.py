"""Which numbers are accepted at all, at the very edge of what is allowed."""

from __future__ import annotations

import json

import pytest

from app.catalog.json_limits import find_limit_faults


@pytest.mark.parametrize("text", ["1e100", "-1e100", "1" + "0" * 100, "9.999e99", "0", "-0.0"])
def test_a_number_up_to_the_bound_is_accepted_however_it_is_written(text: str) -> None:
    assert find_limit_faults(json.loads(text)) == []


@pytest.mark.parametrize("text", ["1.0000000000000002e100", "-1e101", "1" + "0" * 101])
def test_a_number_beyond_the_bound_is_refused_with_the_bound(text: str) -> None:
    faults = find_limit_faults({"size": json.loads(text)})
    assert [(fault.path, fault.message) for fault in faults] == [
        (("size",), "must be between -1e100 and 1e100")
    ]
