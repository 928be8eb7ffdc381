"""A stack keeps the version of its blueprint until it is upgraded, with a plan."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.models import Operation
from app.services.engine.engine import Engine
from sandbox.provider.install import install
from tests.api.conftest import MakeApp
from tests.api.rest import Rest, pointers, problem
from tests.catalog.versions import write_one_version, write_two_versions
from tests.conftest import MakeSettings
from tests.sandbox_cloud import Cloud, connect

SHIPPED = Path(__file__).parents[2] / "terraform"
PIN = "pin-canary-4711"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A catalog whose kind ``note`` has version 1.0.0 only."""
    root = tmp_path / "terraform"
    shutil.copytree(SHIPPED, root)
    write_one_version(root)
    note = root / "blueprints/note"
    shutil.move(note / "versions/1.0.0", root / "first")
    shutil.rmtree(note)
    shutil.move(root / "first", note)
    return root


@pytest.fixture
def deploy(make_app: MakeApp, root: Path) -> Callable[..., Rest]:
    """Return a function that starts Landform with both versions, as a new release would."""

    def start(*, may_go_back: bool = False) -> Rest:
        shutil.rmtree(root / "blueprints/note")
        write_two_versions(root, may_go_back=may_go_back)
        return Rest(make_app(catalog_root=root))

    return start


@pytest.fixture
def rest(make_app: MakeApp, root: Path) -> Rest:
    return Rest(make_app(catalog_root=root))


@pytest.fixture
def note(rest: Rest) -> dict[str, Any]:
    """A note of version 1.0.0."""
    return rest.made("notes", "memo", parameters={"text": "hello"})


def upgrade(rest: Rest, note: dict[str, Any], version: str = "2.0.0", **body: Any) -> Any:
    wanted = {"type": "apply", "blueprint_version": version, **body}
    return rest.post(f"/stacks/{note['id']}/operations", wanted)


def show(rest: Rest, note: dict[str, Any]) -> dict[str, Any]:
    answer = rest.get(f"/notes/{note['id']}")
    assert answer.status_code == 200
    return dict(answer.get_json())


def versions(stack: dict[str, Any]) -> tuple[str | None, ...]:
    """Return the version that is wanted, applied and newest."""
    return tuple(stack[f"{name}blueprint_version"] for name in ("", "applied_", "newest_"))


def test_a_kind_lists_its_versions_and_shows_each(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    shown = new.get("/kinds/note").get_json()
    assert (shown["version"], shown["versions"]) == ("2.0.0", ["2.0.0", "1.0.0"])
    old = new.get("/kinds/note", version="1.0.0").get_json()
    assert set(old["parameters"]["properties"]) == {"text", "colour"}
    problem(new.get("/kinds/note", version="3.0.0"), 404, "not_found")
    problem(new.get("/kinds/note", versoin="1.0.0"), 422, "validation_failed")


def test_a_stack_keeps_its_version_and_new_ones_get_the_newest(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    kept = show(new, note)
    assert versions(kept) == ("1.0.0", "1.0.0", "2.0.0")
    assert kept["parameters"] == {"text": "hello", "colour": "white"}
    assert kept["pending_changes"] is False
    changed = new.patch(f"/notes/{note['id']}", {"parameters": {"colour": "yellow"}}, If_Match="*")
    assert changed.status_code == 202, changed.text
    assert versions(changed.get_json()["stack"])[0] == "1.0.0"
    unknown = new.patch(f"/notes/{note['id']}", {"parameters": {"place": "desk"}}, If_Match="*")
    problem(unknown, 422, "validation_failed")
    created = new.create("notes", "other", parameters={"text": "x", "pin": PIN})
    assert versions(created["stack"]) == ("2.0.0", None, "2.0.0")


def test_the_document_describes_stacks_of_every_version(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    schemas = deploy().get("/api/v1/openapi.json").get_json()["components"]["schemas"]
    assert "pin" in schemas["NewNoteParameters"]["properties"]
    assert "colour" not in schemas["NewNoteParameters"]["properties"], "only the old version has it"
    for name in ("NoteChangeParameters", "NoteParameters"):
        assert {"pin", "colour"} <= set(schemas[name]["properties"]), "one object of all versions"


def test_an_upgrade_is_pending_until_it_is_applied(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    answer = upgrade(new, note, parameters={"pin": PIN})
    assert answer.status_code == 202, answer.text
    assert PIN not in answer.text
    wanted = show(new, note)
    assert versions(wanted) == ("2.0.0", "1.0.0", "2.0.0")
    assert wanted["pending_changes"] is True
    assert wanted["parameters"] == {"text": "hello", "place": "wall", "pin": "********"}
    new.end(answer.get_json()["operation"]["id"])
    assert versions(show(new, note)) == ("2.0.0", "2.0.0", "2.0.0")
    assert show(new, note)["pending_changes"] is False


@pytest.mark.parametrize(
    ("body", "places"),
    [
        ({}, ["/parameters/pin"]),
        ({"parameters": {"pin": 5}}, ["/parameters/pin"]),
        ({"parameters": {"pin": PIN, "text": "x" * 21}}, ["/parameters/text"]),
        ({"parameters": {"pin": PIN, "colour": "white"}}, ["/parameters/colour"]),
        ({"blueprint_version": "3.0.0"}, ["/blueprint_version"]),
        ({"blueprint_version": ""}, ["/blueprint_version"]),
        ({"blueprint_version": "2.0.0\x00"}, None),
        ({"blueprint_version": "../1.0.0"}, ["/blueprint_version"]),
        ({"type": "destroy"}, ["/blueprint_version"]),
        ({"type": "drift_check"}, ["/blueprint_version"]),
        ({"targets": ["a.b"]}, ["/targets"]),
        ({"parameters": [1]}, ["/parameters"]),
        ({"parameters": {"pin": PIN, "__proto__": {}}}, ["/parameters/__proto__"]),
    ],
)
def test_what_does_not_suit_the_new_version_is_refused_with_pointers(
    deploy: Callable[..., Rest],
    note: dict[str, Any],
    body: dict[str, Any],
    places: list[str] | None,
) -> None:
    new = deploy()
    count = new.count(Operation)
    told = problem(upgrade(new, note, **body), 422, "validation_failed")
    if places is not None:
        assert pointers(told) == places
    assert versions(show(new, note))[0] == "1.0.0"
    assert new.count(Operation) == count


def test_parameters_without_a_version_belong_in_a_patch(rest: Rest, note: dict[str, Any]) -> None:
    body = {"type": "apply", "parameters": {"text": "x"}}
    told = problem(rest.post(f"/stacks/{note['id']}/operations", body), 422, "validation_failed")
    assert pointers(told) == ["/parameters"]


def test_a_value_that_the_new_version_has_no_place_for_must_be_given_up(
    rest: Rest, deploy: Callable[..., Rest]
) -> None:
    note = rest.made("notes", "memo", parameters={"text": "hello", "colour": "yellow"})
    new = deploy()
    told = problem(upgrade(new, note, parameters={"pin": PIN}), 422, "validation_failed")
    assert pointers(told) == ["/parameters/colour"]
    assert "put null here" in told["errors"][0]["message"]
    assert upgrade(new, note, parameters={"pin": PIN, "colour": None}).status_code == 202


def test_a_new_immutable_parameter_takes_any_value_once(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    answer = upgrade(new, note, parameters={"pin": PIN, "place": "desk"})
    new.end(answer.get_json()["operation"]["id"])
    refused = upgrade(new, note, parameters={"place": "wall"})
    assert pointers(problem(refused, 409, "immutable_parameter")) == ["/parameters/place"]


def test_going_back_needs_the_word_of_the_version_that_was_applied(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    new.end(upgrade(new, note, parameters={"pin": PIN}).get_json()["operation"]["id"])
    back = {"parameters": {"pin": None, "place": None}}
    told = problem(upgrade(new, note, "1.0.0", **back), 409, "blueprint_downgrade")
    assert "version 2.0.0 of note, which does not allow it" in told["detail"]
    willing = deploy(may_go_back=True)
    assert upgrade(willing, note, "1.0.0", **back).status_code == 202
    assert versions(show(willing, note))[:2] == ("1.0.0", "2.0.0")


def test_an_upgrade_that_was_never_applied_can_be_taken_back(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    queued = upgrade(new, note, parameters={"pin": PIN}).get_json()["operation"]["id"]
    new.post(f"/operations/{queued}/cancel")
    assert show(new, note)["pending_changes"] is True
    back = upgrade(new, note, "1.0.0", parameters={"pin": None, "place": None})
    assert back.status_code == 202, back.text
    assert show(new, note)["parameters"] == {"text": "hello", "colour": "white"}


def test_who_may_only_look_cannot_upgrade(
    deploy: Callable[..., Rest], note: dict[str, Any]
) -> None:
    new = deploy()
    body = {"parameters": {"pin": PIN}}
    problem(upgrade(new.as_member("viewer"), note, **body), 403, "permission_denied")
    problem(upgrade(new.as_member(None), note, **body), 404, "not_found")


def test_a_stack_whose_version_has_left_the_catalogue_says_so(
    deploy: Callable[..., Rest], note: dict[str, Any], make_app: MakeApp, root: Path
) -> None:
    deploy()
    shutil.rmtree(root / "blueprints/note/versions")
    new = Rest(make_app(catalog_root=root))
    assert versions(show(new, note)) == ("1.0.0", "1.0.0", "2.0.0")
    assert show(new, note)["parameters"] == {"text": "hello", "colour": "white"}
    path = f"/notes/{note['id']}"
    told = problem(
        new.patch(path, {"parameters": {"text": "x"}}, If_Match="*"), 409, "blueprint_missing"
    )
    assert (
        "Version 1.0.0 of the kind note is not in the catalog, which has: 2.0.0." in told.values()
    )
    assert new.patch(path, {"labels": {"a": "b"}}, If_Match="*").status_code == 200
    assert upgrade(new, note, parameters={"pin": PIN, "colour": None}).status_code == 202


def carry_out(rest: Rest, answer: Any) -> dict[str, Any]:
    assert answer.status_code == 202, answer.text
    operation = answer.get_json()["operation"]["id"]
    Engine(rest.ctx).carry_out(operation)
    return dict(rest.get(f"/operations/{operation}").get_json())


def test_upgrades_with_real_terraform(
    rest: Rest,
    deploy: Callable[..., Rest],
    make_settings: MakeSettings,
    make_app: MakeApp,
    root: Path,
) -> None:
    install(make_settings().sandbox_mirror)
    body = {"name": "memo", "cloud_account": "sandbox", "parameters": {"text": "hello"}}
    answer = rest.post("/notes", body)
    note = answer.get_json()["stack"]
    made = carry_out(rest, answer)
    assert (made["status"], made["blueprint_version"]) == ("applied", "1.0.0"), made["error"]
    assert show(rest, note)["outputs"] == {"text": "hello/white"}

    new = deploy()
    kept = new.post(f"/stacks/{note['id']}/operations", {"type": "apply"})
    assert carry_out(new, kept)["status"] == "planned_and_finished", "it keeps its version"
    looked = carry_out(new, upgrade(new, note, type="plan", parameters={"pin": PIN}))
    assert looked["status"] == "planned_and_finished", looked["error"]
    assert (looked["blueprint_version"], looked["plan"]["change"]) == ("2.0.0", 1)
    plan = (
        new.get(f"/operations/{looked['id']}/plan").text
        + new.get(f"/operations/{looked['id']}/log").text
    )
    assert PIN not in plan
    assert versions(show(new, note)) == ("1.0.0", "1.0.0", "2.0.0")
    assert show(new, note)["pending_changes"] is False
    home = new.ctx.settings.home_dir
    assert not any(PIN.encode() in file.read_bytes() for file in home.glob("landform.db*"))

    done = carry_out(new, upgrade(new, note, parameters={"pin": PIN}))
    assert (done["status"], done["plan"]) == ("applied", looked["plan"])
    assert versions(show(new, note)) == ("2.0.0", "2.0.0", "2.0.0")
    assert show(new, note)["outputs"] == {"text": f"hello/{PIN}/wall"}


def test_what_has_left_the_catalogue_is_destroyed_all_the_same(
    rest: Rest,
    deploy: Callable[..., Rest],
    make_settings: MakeSettings,
    make_app: MakeApp,
    root: Path,
    cloud: Cloud,
) -> None:
    install(make_settings().sandbox_mirror)
    body = {"name": "memo", "cloud_account": "sandbox", "parameters": {"text": "hello"}}
    answer = rest.post("/notes", body)
    note = answer.get_json()["stack"]
    assert carry_out(rest, answer)["status"] == "applied"
    connect(rest.ctx, cloud)  # which is asked at the end whether anything is left
    deploy()
    shutil.rmtree(root / "blueprints/note/versions")
    new = Rest(make_app(catalog_root=root))
    operations = f"/stacks/{note['id']}/operations"
    for type_ in ("plan", "apply", "drift_check"):
        ended = carry_out(new, new.post(operations, {"type": type_}))
        assert (ended["status"], ended["error"]["code"]) == ("errored", "blueprint_missing"), type_
    assert show(new, note)["drift"]["status"] == "unknown"
    shutil.rmtree(root / "blueprints/note")
    gone = Rest(make_app(catalog_root=root))
    assert gone.get(f"/stacks/{note['id']}").get_json()["newest_blueprint_version"] is None
    ended = carry_out(gone, gone.post(operations, {"type": "destroy"}))
    assert (ended["status"], ended["plan"]["destroy"]) == ("applied", 1), ended["error"]
    assert gone.get(f"/stacks/{note['id']}").get_json()["status"] == "deleted"
