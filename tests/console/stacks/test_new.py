"""The form of a new stack: made from the blueprint, kept when refused, the same as curl."""

from __future__ import annotations

import ast
import html
import json
import re
import shlex
from typing import Any

import pytest
from sqlalchemy import select

from app.models import Operation, Stack
from app.services.context import Context
from app.services.secrets import open_parameters
from tests.console.conftest import Visitor
from tests.console.fleet_examples import Fleet

NETWORK = {
    "intent": "create",
    "/name": "web",
    "/project": "default",
    "/cloud_account": "sandbox",
    "/region": "eu-west",
    "/parameters/cidr": "10.1.0.0/16",
    "/parameters/zones": "3",
    "/parameters/internet_access": "on",
    "/auto_apply": "never",
    "/drift": "3600",
    "/labels": "team=payments\nstage=prod",
}


def curl_of(page: str) -> list[str]:
    """Return the words of the command as a shell would read them."""
    found = re.search(r'id="curl-text"[^>]*>(.*?)</pre>', page, re.S)
    assert found
    return shlex.split(html.unescape(found[1]))


def field_of(page: str, pointer: str) -> str:
    """Return the HTML of a control."""
    found = re.search(rf'<(input|select|textarea)[^>]*name="{pointer}"[^>]*>', page)
    assert found, pointer
    return found[0]


def test_the_kinds_are_cards_that_lead_to_their_forms(visitor: Visitor) -> None:
    page = visitor.text("/stacks/new")
    for kind in ("network", "machine-group", "bucket"):
        assert f'href="/stacks/new/{kind}"' in page


def test_the_form_shows_defaults_units_limits_and_help(visitor: Visitor) -> None:
    page = visitor.text("/stacks/new/network")
    assert 'value="10.0.0.0/16"' in field_of(page, "/parameters/cidr")
    assert 'value="2"' in field_of(page, "/parameters/zones")
    assert "checked" in field_of(page, "/parameters/internet_access")
    assert "Allowed: 1 to 3 zones." in page
    assert "It is divided into subnets" in page
    assert "cannot change later" in page


def test_a_filled_in_form_makes_the_stack_and_leads_to_its_operation(
    visitor: Visitor, ctx: Context
) -> None:
    response = visitor.post("/stacks/new/network", NETWORK)
    assert response.status_code == 303
    with ctx.read() as session:
        stack = session.scalars(select(Stack)).one()
        operation = session.scalars(select(Operation)).one()
    assert response.location == f"/operations/{operation.id}"
    assert stack.parameters == {"cidr": "10.1.0.0/16", "zones": 3, "internet_access": True}
    assert (stack.auto_apply, stack.region, stack.created_by) == ("never", "eu-west", "admin")
    assert stack.labels == {"team": "payments", "stage": "prod"}
    assert stack.schedule.interval_seconds == 3600


def test_an_unchecked_box_means_no_although_its_default_is_yes(
    visitor: Visitor, ctx: Context
) -> None:
    form = {name: value for name, value in NETWORK.items() if "internet" not in name}
    assert visitor.post("/stacks/new/network", form).status_code == 303
    with ctx.read() as session:
        assert session.scalars(select(Stack)).one().parameters["internet_access"] is False


def test_a_refused_form_keeps_what_was_typed_and_says_what_is_wrong_where(
    visitor: Visitor, ctx: Context
) -> None:
    typed = {"/parameters/zones": "nine", "/parameters/cidr": "10.0.0.0/33", "/name": "Web & Co"}
    response = visitor.post("/stacks/new/network", {**NETWORK, **typed})
    assert response.status_code == 422
    assert "Nothing was created" in response.text
    name = field_of(response.text, "/name")
    assert 'value="Web &amp; Co"' in name
    assert 'aria-invalid="true"' in name
    assert 'href="#f-name"' in response.text
    assert 'value="nine"' in field_of(response.text, "/parameters/zones")
    assert "team=payments\nstage=prod</textarea>" in response.text
    assert '<option value="never" selected>' in response.text
    with ctx.read() as session:
        assert session.scalars(select(Stack)).first() is None


def test_every_bad_parameter_is_named_at_its_field(visitor: Visitor) -> None:
    typed = {"/parameters/zones": "nine", "/parameters/cidr": "10.0.0.0/33"}
    page = visitor.post("/stacks/new/network", {**NETWORK, **typed}).text
    for pointer in ("/parameters/zones", "/parameters/cidr"):
        assert 'aria-invalid="true"' in field_of(page, pointer)
        assert f'href="#f{pointer.replace("/", "-")}"' in page
    assert 'aria-invalid="true"' not in field_of(page, "/name")


def test_a_taken_name_is_said_at_the_name(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    page = visitor.post("/stacks/new/network", NETWORK).text
    assert 'aria-invalid="true"' in field_of(page, "/name")
    assert "has a stack named" in page


def test_a_reference_offers_only_stacks_that_are_ready_here(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("ready-one")
    fleet.stack("coming", status="creating")
    fleet.stack("a-bucket", "bucket")
    ids = {"network_id": "net_1", "subnet_ids": ["sub_1"]}
    fleet.stack("theirs", "existing-network", parameters=ids)
    page = visitor.text("/stacks/new/machine-group")
    choices = re.search(r'name="/parameters/network".*?</select>', page, re.S)
    assert choices
    assert re.findall(r'<option value="([^"]*)"', choices[0]) == ["", "ready-one", "theirs"]


def test_without_a_ready_stack_the_form_says_so(visitor: Visitor) -> None:
    page = visitor.text("/stacks/new/machine-group")
    assert "There is no network to choose yet that is ready." in page


def test_a_missing_reference_is_said_at_its_field(visitor: Visitor) -> None:
    form = {**NETWORK, "/name": "shop", "/parameters/size": "small", "/parameters/count": "1"}
    form["/parameters/image"] = "debian-12"
    response = visitor.post("/stacks/new/machine-group", form)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in field_of(response.text, "/parameters/network")


def test_a_secret_is_stored_sealed_and_never_sent_back(
    visitor: Visitor, fleet: Fleet, ctx: Context
) -> None:
    fleet.stack("web")
    form = {
        **NETWORK,
        "/name": "shop",
        "/parameters/network": "web",
        "/parameters/size": "large",
        "/parameters/count": "2",
        "/parameters/image": "debian-13",
        "/parameters/user_data": "#!/bin/sh\r\necho hunter2",
    }
    refused = visitor.post("/stacks/new/machine-group", {**form, "/parameters/count": "99"})
    assert refused.status_code == 422
    assert "hunter2" not in refused.text
    assert "(your secret)" in " ".join(curl_of(refused.text))
    assert visitor.post("/stacks/new/machine-group", form).status_code == 303
    with ctx.read() as session:
        stack = session.scalars(select(Stack).where(Stack.name == "shop")).one()
        assert "user_data" not in stack.parameters
        assert open_parameters(ctx.keys, stack) == {"user_data": "#!/bin/sh\necho hunter2"}


def test_looking_at_other_choices_creates_nothing_and_forgets_nothing(
    visitor: Visitor, ctx: Context
) -> None:
    page = visitor.post("/stacks/new/network", {**NETWORK, "intent": "refresh"}).text
    assert 'value="web"' in field_of(page, "/name")
    assert "aria-invalid" not in page
    with ctx.read() as session:
        assert session.scalars(select(Stack)).first() is None


def test_the_command_beside_the_form_is_the_same_request(visitor: Visitor) -> None:
    words = curl_of(visitor.post("/stacks/new/network", {**NETWORK, "intent": "curl"}).text)
    assert words[:4] == ["curl", "-X", "POST", "http://localhost/api/v1/networks"]
    assert json.loads(words[words.index("-d") + 1]) == {
        "name": "web",
        "project": "default",
        "cloud_account": "sandbox",
        "region": "eu-west",
        "labels": {"team": "payments", "stage": "prod"},
        "auto_apply": "never",
        "drift": {"interval_seconds": 3600},
        "parameters": {"cidr": "10.1.0.0/16", "zones": 3, "internet_access": True},
    }


@pytest.mark.parametrize("typed", ["'; rm -rf / #", "$(id)", "`id`", '"\\'])
def test_what_was_typed_stays_data_in_the_command(visitor: Visitor, typed: str) -> None:
    form = {**NETWORK, "intent": "curl", "/name": typed}
    words = curl_of(visitor.post("/stacks/new/network", form).text)
    assert json.loads(words[words.index("-d") + 1])["name"] == typed


@pytest.mark.parametrize(
    ("pointer", "value"),
    [
        ("/project", "elsewhere"),
        ("/cloud_account", "nowhere"),
        ("/region", "moon-1"),
        ("/auto_apply", "sometimes"),
        ("/drift", "1"),
        ("/drift", "²"),
        ("/labels", "no sign"),
        ("/labels", "a=1\na=2"),
        ("/labels", "-bad=1"),
        ("/labels", "a=" + "x" * 300),
    ],
)
def test_a_value_that_the_form_does_not_offer_is_refused_at_its_field(
    visitor: Visitor, pointer: str, value: str
) -> None:
    response = visitor.post("/stacks/new/network", {**NETWORK, pointer: value})
    assert response.status_code == 422
    assert 'aria-invalid="true"' in field_of(response.text, pointer)


def test_an_empty_form_is_refused_and_not_an_error(visitor: Visitor) -> None:
    response = visitor.post("/stacks/new/network", {"intent": "create"})
    assert response.status_code == 422
    assert "Nothing was created" in response.text


def python_of(page: str) -> dict[str, Any]:
    """Return the body in the Python program beside the form, read as Python would."""
    found = re.search(r'id="python-text"[^>]*>(.*?)</pre>', page, re.S)
    assert found
    program = ast.parse(html.unescape(found[1]))
    made = [node for node in program.body if isinstance(node, ast.Assign)]
    (wanted,) = [node.value for node in made if ast.unparse(node.targets[0]) == "wanted"]
    body: dict[str, Any] = ast.literal_eval(wanted)
    return body


@pytest.mark.parametrize("typed", ["web", "'", '"""', "\\", "}) or exit(", "</pre><script>"])
def test_the_program_beside_the_form_is_the_same_request(visitor: Visitor, typed: str) -> None:
    page = visitor.post("/stacks/new/network", {**NETWORK, "intent": "", "/name": typed}).text
    body = python_of(page)
    assert body["name"] == typed
    assert body["parameters"]["zones"] == 3
    assert json.loads(curl_of(page)[-1]) == body
    assert "<script>" not in page.partition('id="python-text"')[2].partition("</pre>")[0]


def test_the_plan_can_be_seen_before_anything_is_made(
    visitor: Visitor, ctx: Context, fleet: Fleet
) -> None:
    form = {**NETWORK, "intent": "plan", "/auto_apply": "always"}
    answer = visitor.post("/stacks/new/network", form)
    assert answer.status_code == 303
    with ctx.read() as session:
        operation = session.scalars(select(Operation)).unique().one()
        assert operation.requires_approval
        assert operation.stack.auto_apply == "always"
        operation_id = operation.id
    fleet.change_operation(operation_id, status="planned", generation=1)
    assert "stays in the list, empty" in visitor.text(answer.location)


def test_many_ready_stacks_are_searched_by_typing(visitor: Visitor, fleet: Fleet) -> None:
    for number in range(13):
        fleet.stack(f"net-{number:02}")
    page = visitor.text("/stacks/new/machine-group")
    assert 'list="f-parameters-network-choices"' in field_of(page, "/parameters/network")
    assert page.count('<option value="net-') == 13


def test_among_several_projects_the_form_asks_and_then_remembers(
    visitor: Visitor, fleet: Fleet
) -> None:
    fleet.project("aaa")
    page = visitor.text("/stacks/new/network")
    assert '<option value="" selected>Choose a project…</option>' in page
    assert "Choose a project first" in page
    assert visitor.post("/stacks/new/network", {**NETWORK, "/project": ""}).status_code == 422
    assert visitor.post("/stacks/new/network", NETWORK).status_code == 303
    assert '<option value="default" selected>' in visitor.text("/stacks/new/bucket")


@pytest.mark.parametrize("value", ["", "nowhere", "<script>", "x" * 2000])
def test_a_remembered_project_that_is_none_is_not_chosen(
    visitor: Visitor, fleet: Fleet, value: str
) -> None:
    fleet.project("aaa")
    visitor.client.set_cookie("landform_project", value)
    page = visitor.text("/stacks/new/network")
    assert '<option value="" selected>Choose a project…</option>' in page
    assert "<script>" not in page.partition('id="new-stack"')[2]


def test_an_address_fills_in_fields_but_no_secret(visitor: Visitor, fleet: Fleet) -> None:
    fleet.stack("web")
    preset = "/parameters/network=web&/parameters/user_data=hunter2&/name=<b>&/parameters/size=no"
    page = visitor.text(f"/stacks/new/machine-group?{preset}&/project=default")
    assert '<option value="web" selected>' in page
    assert "hunter2" not in page.partition('id="new-stack"')[2]
    assert 'value="&lt;b&gt;"' in field_of(page, "/name")
    assert '<option value="no"' not in page
