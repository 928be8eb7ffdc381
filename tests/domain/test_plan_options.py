"""What a person types for a plan reaches Terraform only when it can be nothing but an address."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.plan_options import ADDRESS, IDENTIFIER, Import, PlanOptions
from app.errors import ValidationError


@pytest.mark.parametrize(
    "address",
    [
        "sandbox_network.this",
        'sandbox_subnet.this["eu-west-a"]',
        "aws_instance.web[0]",
        'module.a.module.b["x y"].aws_vpc.main',
    ],
)
def test_an_address_is_let_through(address: str) -> None:
    options = PlanOptions(targets=(address,), replace=(address,), imports=(Import(address, "id"),))
    assert options.check() is options


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "a.b.c",
        "-destroy",
        "a.b -var x=1",
        'a.b["${file(1)}"]',
        'a.b["%{if 1}"]',
        "a.b\n",
        "a.b[x]",
        'a.b["c"',
        "../x.y",
        "a.b;c.d",
        'a.b["\\""]',
    ],
)
def test_anything_else_is_refused_with_its_pointer(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlanOptions(targets=("a.b", text)).check()
    assert caught.value.problems[0].pointer == "/targets/1"
    with pytest.raises(ValidationError):
        PlanOptions(imports=(Import(text, "id"),)).check()


@pytest.mark.parametrize("text", ["", "${x}", "%{x}", 'a"b', "a b", "a\n", "a\\b", "x" * 513])
def test_an_id_cannot_hold_a_template(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        PlanOptions(imports=(Import("a.b", text),)).check()
    assert caught.value.problems[0].pointer == "/imports/0/id"


@given(st.text())
def test_nothing_that_is_let_through_begins_an_option_or_a_template(text: str) -> None:
    for pattern in (ADDRESS, IDENTIFIER):
        if pattern.fullmatch(text):
            assert "${" not in text
            assert "%{" not in text
    if ADDRESS.fullmatch(text):
        assert not text.startswith("-")


def test_too_many_are_refused() -> None:
    with pytest.raises(ValidationError):
        PlanOptions(replace=("a.b",) * 51).check()


def test_options_survive_sql() -> None:
    options = PlanOptions(("a.b",), ("c.d",), (Import("e.f", "id-1"),))
    assert PlanOptions.from_dict(options.to_dict()) == options
    assert PlanOptions().to_dict() == {}
