"""A finding is open exactly when reality is not as last agreed, whatever happens in which order."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from app.domain.agreed_values import Agreed
from app.domain.agreement import Agreement, Entry, Recorded, Transition, ValueStep, follow
from app.domain.state_file import StateFile
from app.services.drift.agreements import after_apply
from app.terraform.plan import Plan

NAMES = ("a", "b", "c")
OWNED = "size"
"""What the configuration says; the others it leaves open."""
FREE = ("port", "policy")

Attributes = dict[str, Any]


def address(name: str) -> str:
    return f"x_y.{name}"


class Model(RuleBasedStateMachine):
    """A cloud, a state and a configuration; Terraform's part is played by a few lines.

    ``agreed`` is computed by the rule itself: what we wrote, and what was accepted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.numbers = 0
        self.config: dict[str, int] = dict.fromkeys(NAMES, 1)
        self.cloud: dict[str, Attributes] = {}
        self.state: dict[str, Attributes] = {}
        self.agreed: dict[str, Attributes] = {}
        self.agreement = Agreement()
        self.run_apply(made=NAMES, is_done=True)

    @rule(name=st.sampled_from(NAMES), attribute=st.sampled_from(FREE), value=st.integers(0, 2))
    def change_what_is_left_open(self, name: str, attribute: str, value: int) -> None:
        if name in self.cloud:
            self.cloud[name][attribute] = value

    @rule(name=st.sampled_from(NAMES), value=st.integers(1, 3))
    def change_what_is_configured(self, name: str, value: int) -> None:
        if name in self.cloud:
            self.cloud[name][OWNED] = value

    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        self.cloud.pop(name, None)

    @rule(name=st.sampled_from(NAMES), value=st.integers(1, 3))
    def want(self, name: str, value: int) -> None:
        self.config[name] = value

    @rule(name=st.sampled_from(NAMES))
    def want_no_more(self, name: str) -> None:
        self.config.pop(name, None)

    @rule()
    def apply(self) -> None:
        self.run_apply(made=NAMES, is_done=True)

    @rule(made=st.sets(st.sampled_from(NAMES)))
    def fail(self, made: set[str]) -> None:
        """Fail, or be killed, after some of the changes were made."""
        self.run_apply(made=tuple(made), is_done=False)

    @rule(destroyed=st.sets(st.sampled_from(NAMES)))
    def fail_to_destroy(self, destroyed: set[str]) -> None:
        """Begin to destroy everything, and fail or be killed after a part of it."""
        plan = self.plan(destroys=True)
        self.state = {name: dict(self.cloud[name]) for name in self.state if name in self.cloud}
        for name in destroyed & self.state.keys():
            del self.cloud[name], self.state[name], self.agreed[name]
        self.follow(plan.transition, is_done=False)

    @rule(accepted=st.sets(st.sampled_from(NAMES)))
    def accept(self, accepted: set[str]) -> None:
        plan = self.plan(refresh_only=True)
        self.state = {name: dict(self.cloud[name]) for name in self.state if name in self.cloud}
        places = {address(name) for name in accepted}
        transition = replace(plan.transition, is_partial=True)
        self.follow(transition, is_done=True, accepted=places)
        for name in accepted:
            if name in self.cloud and name in self.state:
                self.agreed[name] = dict(self.cloud[name])
            elif name not in self.cloud:
                self.agreed.pop(name, None)

    @invariant()
    def a_finding_is_open_exactly_when_reality_is_not_as_agreed(self) -> None:
        found = {item.resource.address for item in self.plan().drift}
        differs = {
            address(name) for name, agreed in self.agreed.items() if self.cloud.get(name) != agreed
        }
        assert found == differs

    def run_apply(self, made: tuple[str, ...], *, is_done: bool) -> None:
        plan = self.plan()
        self.state = {name: dict(self.cloud[name]) for name in self.state if name in self.cloud}
        for name in made:
            if name not in self.config:
                if name in self.state:  # else there is nothing that we could destroy
                    del self.cloud[name], self.state[name], self.agreed[name]
            elif name not in self.state:
                self.numbers += 1
                self.cloud[name] = {"id": f"{name}-{self.numbers}", **dict.fromkeys(FREE, 0)}
                self.cloud[name][OWNED] = self.config[name]
                self.state[name] = dict(self.cloud[name])
                self.agreed[name] = dict(self.cloud[name])
            elif self.state[name][OWNED] != self.config[name]:
                self.cloud[name][OWNED] = self.state[name][OWNED] = self.config[name]
                self.agreed[name][OWNED] = self.config[name]
        if is_done:  # what is neither configured nor there is as the configuration says
            gone = self.agreed.keys() - self.config.keys()
            self.agreed = {name: item for name, item in self.agreed.items() if name not in gone}
        self.follow(plan.transition, is_done=is_done)

    def follow(self, transition: Transition, *, is_done: bool, accepted: Any = ()) -> None:
        kept = Transition.from_dict(json.loads(json.dumps(transition.to_dict())))
        recorded = {address(n): Recorded("x_y", item["id"], item) for n, item in self.state.items()}
        entries = follow(kept, recorded, is_done=is_done, accepted=accepted)
        document = json.dumps(Agreement(entries).to_dict())
        self.agreement = Agreement.from_dict(json.loads(document))

    def plan(self, *, refresh_only: bool = False, destroys: bool = False) -> Plan:
        prior = {name: self.cloud[name] for name in self.state if name in self.cloud}
        drift = [
            {**self.names(name), "change": self.change(before, self.cloud.get(name))}
            for name, before in self.state.items()
            if self.cloud.get(name) != before
        ]
        changes = [] if refresh_only else [self.planned(name, prior) for name in NAMES]
        if destroys:  # Terraform does not say then what it met
            drift = []
            changes = [
                {**self.names(name), "change": self.change(item, None)}
                for name, item in prior.items()
            ]
        resources = [{**self.names(name), "values": item} for name, item in prior.items()]
        document = {
            "format_version": "1.2",
            "resource_drift": drift,
            "resource_changes": [item for item in changes if item is not None],
            "prior_state": {"values": {"root_module": {"resources": resources}}},
        }
        recorded = StateFile.parse(self.state_bytes()) if destroys else None
        data = json.dumps(document).encode()
        return Plan.parse(data, agreement=self.agreement, destroys=recorded)

    def state_bytes(self) -> bytes:
        resources = [
            {
                "mode": "managed",
                "type": "x_y",
                "name": name,
                "provider": "x",
                "instances": [{"schema_version": 0, "attributes": item}],
            }
            for name, item in self.state.items()
        ]
        document = {"version": 4, "serial": 1, "lineage": "l", "resources": resources}
        return json.dumps(document).encode()

    def planned(self, name: str, prior: dict[str, Attributes]) -> dict[str, Any] | None:
        before, wanted = prior.get(name), self.config.get(name)
        after = None
        if wanted is not None:
            after = {**before, OWNED: wanted} if before else {OWNED: wanted}
        if before is None and after is None:
            return None
        return {**self.names(name), "change": self.change(before, after)}

    @staticmethod
    def names(name: str) -> dict[str, Any]:
        return {"address": address(name), "mode": "managed", "type": "x_y", "name": name}

    @staticmethod
    def change(before: Attributes | None, after: Attributes | None) -> dict[str, Any]:
        if before == after:
            actions = ["no-op"]
        elif before is None:
            actions = ["create"]
        else:
            actions = ["delete"] if after is None else ["update"]
        return {"actions": actions, "before": before, "after": after, "after_unknown": {}}


def test_a_finding_is_open_exactly_when_reality_is_not_as_agreed() -> None:
    budget = settings(max_examples=60, stateful_step_count=15, deadline=None)
    run_state_machine_as_test(Model, settings=budget)


def item(before: Attributes, after: Attributes | None, **more: Any) -> dict[str, Any]:
    return {**Model.names("a"), "change": {**Model.change(before, after), **more}}


def parse(agreement: Agreement = Agreement(), **document: Any) -> Plan:  # noqa: B008 frozen
    data = json.dumps({"format_version": "1.2", **document}).encode()
    return Plan.parse(data, agreement=agreement)


def prior(values: Attributes, **more: Any) -> dict[str, Any]:
    resource = {**Model.names("a"), "values": values, **more}
    return {"values": {"root_module": {"resources": [resource]}}}


AGREED = {"id": "i", "port": 1, "secret": "old-secret-value"}
FOUND = {"id": "i", "port": 2, "secret": "new-secret-value"}


def absorbed() -> Agreement:
    """Return what is agreed once an apply has taken over what somebody changed."""
    marks = {"before_sensitive": {"secret": True}, "after_sensitive": {"secret": True}}
    plan = parse(resource_drift=[item(AGREED, FOUND, **marks)], prior_state=prior(FOUND))
    recorded = {address("a"): Recorded("x_y", "i", FOUND)}
    return Agreement(follow(plan.transition, recorded, is_done=True))


def test_what_the_record_took_over_is_drift_with_the_agreed_value() -> None:
    plan = parse(absorbed(), prior_state=prior(FOUND, sensitive_values={}))
    (drift,) = plan.drift
    assert drift.change == "updated"
    shown = {
        change.path_text: (change.before, change.after) for change in drift.resource.attributes
    }
    assert shown["port"] == (1, 2)
    assert "secret-value" not in json.dumps(drift.to_dict()), "an agreed secret stays one"
    assert plan.refreshed == ()


def test_what_is_as_agreed_again_is_no_drift_though_the_record_differs() -> None:
    plan = parse(absorbed(), resource_drift=[item(FOUND, AGREED)], prior_state=prior(AGREED))
    assert plan.drift == ()
    assert address("a") in plan.transition.steps, "a failed apply must not lose it"


def test_a_change_that_makes_what_was_agreed_is_not_wanted_beyond_it() -> None:
    changes = [item(FOUND, AGREED)]
    plan = parse(absorbed(), resource_changes=changes, prior_state=prior(FOUND))
    assert plan.has_changes
    assert not plan.wanted.has_changes
    changes = [item(FOUND, {**AGREED, "port": 3})]
    plan = parse(absorbed(), resource_changes=changes, prior_state=prior(FOUND))
    assert plan.wanted.has_changes, "another value than the agreed one is a pending change"


def test_what_our_apply_changed_on_its_way_is_agreed_at_the_next_look() -> None:
    unsettled = Agreement(unsettled=frozenset({address("a")}))
    plan = parse(unsettled, resource_drift=[item(AGREED, FOUND)], prior_state=prior(FOUND))
    assert plan.drift == ()
    assert plan.settled is not None
    later = parse(plan.settled, resource_drift=[item(AGREED, FOUND)], prior_state=prior(FOUND))
    assert later.drift == ()
    other = {**FOUND, "port": 3}
    later = parse(plan.settled, resource_drift=[item(AGREED, other)], prior_state=prior(other))
    assert [item.resource.address for item in later.drift] == [address("a")]


def test_what_a_destroyed_resource_was_built_on_may_have_been_changed_by_that() -> None:
    """A route table no longer shows the route that another resource was, which is our own work."""
    changes = [item(AGREED, None)]
    before = prior(AGREED, depends_on=["x_y.table", "x_y.vpc"])
    plan = parse(resource_changes=changes, prior_state=before)
    assert plan.transition.built_on == {"x_y.table", "x_y.vpc"}
    kept = Transition.from_dict(plan.transition.to_dict())
    left = {"mode": "managed", "type": "x_y", "provider": "p", "instances": [{"attributes": {}}]}
    document = {"version": 4, "serial": 1, "lineage": "l", "outputs": {}}
    resources = [{**left, "name": name} for name in ("table", "vpc", "other")]
    state = StateFile.parse(json.dumps({**document, "resources": resources}).encode())
    agreement = after_apply(kept, state, is_done=True)
    assert agreement.unsettled == {"x_y.table", "x_y.vpc"}
    older = {name: value for name, value in kept.to_dict().items() if name != "built_on"}
    assert after_apply(Transition.from_dict(older), state, is_done=True).unsettled == set()
    unchanged = parse(resource_changes=[item(AGREED, FOUND)], prior_state=before)
    assert unchanged.transition.built_on == set(), "what stays tells in the state that is left"


def test_what_differed_before_our_apply_and_was_changed_by_it_is_agreed_too() -> None:
    rules = {"id": "i", "rules": ["tomorrow"]}
    met = Agreement({address("a"): Entry("i", (Agreed(("rules",), []),))})
    unsettled = replace(met, unsettled=frozenset({address("a")}))
    ours = {**rules, "rules": ["abandoned"]}
    plan = parse(unsettled, resource_drift=[item(rules, ours)], prior_state=prior(ours))
    assert plan.drift == ()
    for state in (ours, rules):  # whether recording it goes well or not
        recorded = {address("a"): Recorded("x_y", "i", state)}
        left = Agreement(follow(plan.transition, recorded, is_done=True))
        later = parse(left, resource_drift=[item(state, ours)], prior_state=prior(ours))
        assert later.drift == ()
    both = {**rules, "rules": ["tomorrow", "abandoned"]}
    plan = parse(unsettled, resource_drift=[item(rules, both)], prior_state=prior(both))
    (drift,) = plan.drift
    assert drift.resource.before == {"id": "i", "rules": ["abandoned"]}, "the rest stays drift"
    plan = parse(unsettled, resource_drift=[item(rules, rules)], prior_state=prior(rules))
    assert len(plan.drift) == 1, "what our apply left alone is as before"


def test_what_the_plan_would_undo_is_not_our_own_change() -> None:
    unsettled = Agreement(unsettled=frozenset({address("a")}))
    plan = parse(
        unsettled,
        resource_drift=[item(AGREED, FOUND)],
        resource_changes=[item(FOUND, {**FOUND, "port": 1})],
        prior_state=prior(FOUND),
    )
    (drift,) = plan.drift
    assert [change.path_text for change in drift.resource.attributes] == ["port"]


def test_a_resource_that_moved_keeps_what_was_agreed() -> None:
    moved = {**item(FOUND, FOUND), "address": "x_y.b", "previous_address": address("a")}
    state = {"values": {"root_module": {"resources": [{**Model.names("b"), "values": FOUND}]}}}
    plan = parse(absorbed(), resource_changes=[moved], prior_state=state)
    assert [drift.resource.address for drift in plan.drift] == ["x_y.b"]


def test_another_resource_under_the_same_address_was_agreed_as_it_is() -> None:
    other = {**FOUND, "id": "j"}
    assert parse(absorbed(), prior_state=prior(other)).drift == ()


def test_a_resource_inside_a_module_is_found() -> None:
    agreement = absorbed()
    entry = agreement.entries[address("a")]
    inner = {**Model.names("a"), "address": "module.m.x_y.a", "values": FOUND}
    modules = [{"address": "module.m", "resources": [inner]}]
    state = {"values": {"root_module": {"child_modules": modules}}}
    plan = parse(Agreement({"module.m.x_y.a": entry}), prior_state=state)
    (drift,) = plan.drift
    assert drift.resource.module == "module.m"
    assert plan.transition.steps["module.m.x_y.a"] == ValueStep(entry)
