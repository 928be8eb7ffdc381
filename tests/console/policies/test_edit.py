"""Policies in the console: a set as a text, its checks, and what policies said of an operation."""

from __future__ import annotations

import html

import pytest
from sqlalchemy import select

from app.models import Operation, PolicySet
from app.services.context import Context
from tests.console.conftest import Visitor

REGIONS = """- name: regions
  at: [request]
  rule: stack.region in ['eu-west']
  verdict: deny
  message: "{stack.region} is not one of our regions."
  tests:
  - name: elsewhere
    at: request
    expect: fails
    given: {stack.region: us-east}
"""
FORM = {"/name": "basics", "/description": "Ours", "/policies": REGIONS}


def kept(ctx: Context) -> PolicySet:
    with ctx.read() as session:
        return session.scalars(select(PolicySet)).one()


def test_a_set_is_made_changed_and_listed(visitor: Visitor, ctx: Context) -> None:
    made = visitor.post("/settings/policies/new", FORM)
    assert made.status_code == 303
    row = kept(ctx)
    assert (row.is_enabled, row.version) == (False, 1)
    page = visitor.text(f"/settings/policies/{row.id}")
    assert "stack.region in" in page
    answer = visitor.post(
        f"/settings/policies/{row.id}", {**FORM, "/enabled": "on", "version": "1"}
    )
    assert answer.status_code == 303
    assert (kept(ctx).is_enabled, kept(ctx).version) == (True, 2)
    listed = visitor.text("/settings/policies")
    assert "basics" in listed
    assert "Enabled" in listed
    stale = visitor.post(f"/settings/policies/{row.id}", {**FORM, "version": "1"})
    assert stale.status_code == 412


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (REGIONS.replace("stack.region in", "stack.regoin in"), "Line 3, rule: Line 1, column 6"),
        (REGIONS.replace("expect: fails", "expect: holds"), "expects otherwise"),
        (REGIONS.replace("deny", "maybe"), "Line 4, verdict: Must be one of"),
        ("- name: [", "Line 1"),
        ("- <script>alert(1)</script>", "Must be an object"),
    ],
)
def test_what_is_wrong_is_told_at_the_form(visitor: Visitor, text: str, said: str) -> None:
    answer = visitor.post("/settings/policies/new", {**FORM, "/policies": text})
    assert answer.status_code == 422
    assert said in html.unescape(answer.text)
    assert "<script>alert" not in answer.text


def test_the_check_says_what_it_would_say_when_saved(visitor: Visitor, ctx: Context) -> None:
    good = visitor.post("/settings/policies/check", FORM)
    assert "All policies can be evaluated. 1 test case passed." in good.text
    wrong = {**FORM, "/policies": REGIONS.replace("expect: fails", "expect: holds")}
    assert "1 of 1 test cases fail." in visitor.post("/settings/policies/check", wrong).text
    typed = {**FORM, "/policies": REGIONS.replace("region in", "regoin in")}
    assert "Line 3, rule" in visitor.post("/settings/policies/check", typed).text
    with ctx.read() as session:
        assert session.scalars(select(PolicySet)).all() == []


def test_the_form_begins_with_a_pack(visitor: Visitor) -> None:
    page = html.unescape(visitor.text("/settings/policies/new?pack=basics"))
    assert "private-buckets" in page
    assert "Rules to begin with" in visitor.text("/settings/policies")


def test_what_policies_said_is_on_the_page_of_the_operation(visitor: Visitor, ctx: Context) -> None:
    warned = REGIONS.replace("deny", "warn").replace("eu-west", "nowhere")
    form = {**FORM, "/policies": warned, "/enabled": "on"}
    assert visitor.post("/settings/policies/new", form).status_code == 303
    new = {
        "intent": "create",
        "/name": "web",
        "/project": "default",
        "/cloud_account": "sandbox",
        "/region": "eu-west",
        "/parameters/cidr": "10.0.0.0/16",
        "/parameters/zones": "1",
    }
    made = visitor.post("/stacks/new/network", new)
    assert made.status_code == 303, made.text
    with ctx.read() as session:
        operation = session.scalars(select(Operation)).one()
    page = visitor.text(f"/operations/{operation.id}")
    assert "eu-west is not one of our regions." in page
    assert "Warning" in page
    assert "basics, version 1" in page
