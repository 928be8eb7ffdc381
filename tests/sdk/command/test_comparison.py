"""What manifests would change, compared with what there is."""

from __future__ import annotations

from typing import Any, cast

from landform_client import Kind, NotFoundError, Stack
from landform_client.comparison import HIDDEN, Action, Change, compare, find_pruned
from landform_client.manifests import StackManifest

NETWORK = {
    "kind": "network",
    "references": {},
    "parameters": {
        "additionalProperties": False,
        "properties": {
            "cidr": {"default": "10.0.0.0/16", "x-immutable": True},
            "zones": {"default": 2},
            "dns": {"properties": {"ttl": {"default": 60}}},
        },
    },
}
MACHINES = {
    "kind": "machines",
    "references": {"network": {"kind": "network"}, "others": {"kind": "network"}},
    "parameters": {
        "properties": {
            "network": {"x-immutable": True},
            "others": {},
            "count": {"default": 1},
            "user_data": {"x-sensitive": True},
        }
    },
}
KINDS = {"network": NETWORK, "machines": MACHINES}


def kind_of(name: str) -> Kind:
    if name not in KINDS:
        raise NotFoundError(404, {})
    return cast("Kind", KINDS[name])


def wanted(kind: str, name: str, **more: Any) -> StackManifest:
    return StackManifest("m.yaml", kind, name, "sandbox", "default", **more)


def present(kind: str, name: str, uses: tuple[str, ...] = (), **more: Any) -> Stack:
    stack = {
        "id": f"stk_{name}",
        "name": name,
        "kind": kind,
        "status": "ready",
        "project": {"id": "prj_1", "name": "default"},
        "cloud_account": {"id": "ca_1", "name": "sandbox"},
        "region": "eu-west",
        "labels": {},
        "parameters": {},
        "references": {"uses": [{"id": f"stk_{u}", "name": u} for u in uses], "used_by": []},
        "auto_apply": "always",
        **more,
    }
    return cast("Stack", stack)


def compared(manifests: list[StackManifest], *stacks: Stack, **options: Any) -> list[Change]:
    known = {(stack["project"]["name"], stack["name"]): stack for stack in stacks}
    return compare(manifests, known, kind_of, **options)


DEFAULTS = {"cidr": "10.0.0.0/16", "zones": 2}


def test_what_is_so_already_is_unchanged_also_by_defaults_and_references_by_id() -> None:
    web = present("network", "web", parameters=DEFAULTS)
    group = present(
        "machines",
        "app",
        uses=("web",),
        parameters={"network": "stk_web", "others": ["web"], "count": 1},
    )
    changes = compared(
        [
            wanted("network", "web", parameters={"zones": 2}, region="eu-west"),
            wanted("machines", "app", parameters={"network": "web", "others": ["stk_web"]}),
        ],
        web,
        group,
    )
    assert [change.action for change in changes] == [Action.UNCHANGED] * 2


def test_what_differs_is_sent_and_what_is_not_named_is_the_default_again() -> None:
    before = {**DEFAULTS, "zones": 3, "dns": {"ttl": 60}}
    web = present("network", "web", parameters=before, labels={"a": "1"})
    manifest = wanted(
        "network",
        "web",
        parameters={"dns": {"ttl": 5}},
        labels={"b": "2"},
        settings={"auto_apply": "never", "drift": {"enabled": False}},
    )
    (change,) = compared([manifest], web)
    assert change.action is Action.CHANGE
    assert change.body == {
        "parameters": {"zones": None, "dns": {"ttl": 5}},
        "labels": {"b": "2"},
        "auto_apply": "never",
        "drift": {"enabled": False},
    }
    assert [item.path for item in change.differences] == [
        *("parameters.zones", "parameters.dns", "labels.a", "labels.b", "auto_apply", "drift")
    ]


def test_settings_are_compared_as_far_as_they_are_named_and_times_as_times() -> None:
    web = present(
        "network",
        "web",
        parameters=DEFAULTS,
        drift={"enabled": True, "interval_seconds": 900},
        expires_at="2027-01-01T00:00:00.000Z",
    )
    settings = {"drift": {"enabled": True}, "expires_at": "2027-01-01T01:00:00+01:00"}
    (change,) = compared([wanted("network", "web", settings=settings)], web)
    assert change.action is Action.UNCHANGED


def test_what_cannot_be_is_refused_before_anything_is_sent() -> None:
    web = present("network", "web", parameters=DEFAULTS)
    for manifest, said in [
        (wanted("planet", "mars"), "there is no kind planet"),
        (wanted("network", "web", parameters={"cidr": "10.1.0.0/16"}), "cidr cannot change"),
        (wanted("network", "web", parameters={"colour": 1}), "no parameter colour"),
        (wanted("machines", "web"), "web is a network already"),
        (wanted("network", "web", region="us-east"), "in the region eu-west"),
        (StackManifest("m", "network", "web", "other", "default"), "cloud account sandbox"),
    ]:
        (change,) = compared([manifest], web)
        assert change.action is Action.REFUSED, said
        assert said in change.problem
    leaving = present("network", "web", parameters=DEFAULTS, status="deleting")
    (change,) = compared([wanted("network", "web")], leaving)
    assert "being deleted" in change.problem


def test_sensitive_parameters_are_never_compared_and_never_shown() -> None:
    secret = {"network": "web", "user_data": "hunter2"}
    (made,) = compared([wanted("machines", "app", parameters=secret)])
    assert "hunter2" not in repr(made.differences)
    there = present("machines", "app", uses=("web",), parameters={"network": "stk_web", "count": 1})
    (change,) = compared([wanted("machines", "app", parameters=secret)], there)
    assert (change.action, change.unknown) == (Action.UNCHANGED, ["user_data"])
    (change,) = compared([wanted("machines", "app", parameters=secret)], there, send_sensitive=True)
    assert change.body == {"parameters": {"user_data": "hunter2"}}
    assert [(item.before, item.after) for item in change.differences] == [(HIDDEN, HIDDEN)]


def test_what_others_refer_to_comes_first_and_a_circle_ends() -> None:
    order = compared(
        [
            wanted("machines", "c", parameters={"network": "b"}),
            wanted("machines", "b", parameters={"others": ["a", "elsewhere"]}),
            wanted("network", "a"),
            wanted("machines", "x", parameters={"network": "y"}),
            wanted("machines", "y", parameters={"network": "x"}),
        ]
    )
    assert [change.title.partition("/")[2] for change in order] == ["a", "b", "c", "y", "x"]


def test_what_is_pruned_carries_every_label_and_users_go_first() -> None:
    labels = {"owner": "cli", "env": "dev"}
    used = present("network", "net", labels=labels)
    used["references"]["used_by"] = [cast("Any", {"id": "stk_app", "name": "app"})]
    stacks = [
        used,
        present("machines", "app", labels={**labels, "more": "x"}),
        present("network", "kept", labels=labels),
        present("network", "other", labels={"owner": "cli"}),
    ]
    pruned = find_pruned([wanted("network", "kept")], stacks, labels)
    assert [change.title for change in pruned] == ["machines/app", "network/net"]
    assert {change.action for change in pruned} == {Action.DELETE}
