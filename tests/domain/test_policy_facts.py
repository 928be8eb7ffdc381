from __future__ import annotations

from app.domain.policies import Phase
from app.domain.policy_facts import (
    FactType,
    explain_misfit,
    facts_at,
    fill_in,
    fitted,
    parameter_types,
    placeholders,
)

DATABASE = {
    "required": ["network"],
    "properties": {
        "network": {"type": "string"},
        "storage_gb": {"type": "integer", "default": 20},
        "ratio": {"type": "number", "default": 1},
        "public": {"type": "boolean", "default": False},
        "zones": {"type": "array", "items": {"type": "string"}, "default": []},
        "note": {"type": "string"},
        "password": {"type": "string", "sensitive": True, "default": ""},
    },
}


def test_parameters_have_the_types_of_the_blueprint() -> None:
    assert parameter_types([DATABASE]) == {
        "network": FactType.STRING,
        "storage_gb": FactType.INT,
        "ratio": FactType.DOUBLE,
        "public": FactType.BOOL,
        "zones": FactType.STRINGS,
        "note": FactType.DYN,
    }


def test_what_not_every_kind_has_may_be_null() -> None:
    types = parameter_types([DATABASE, {"required": ["network"], "properties": {}}])
    assert set(types.values()) == {FactType.DYN}


def test_a_secret_of_one_kind_is_a_secret_of_all() -> None:
    plain = {"properties": {"password": {"type": "string", "default": ""}}}
    assert "password" not in parameter_types([DATABASE, plain])


def test_a_request_knows_no_plan() -> None:
    assert not [name for name in facts_at(Phase.REQUEST, {}) if name.startswith("plan.")]
    assert "change.action" in facts_at(Phase.DRIFT, {})
    assert facts_at(Phase.PLAN, {"size": FactType.STRING})["parameters.size"] is FactType.STRING


def test_a_message_shows_values_and_runs_nothing() -> None:
    text = "{stack.region} is not {stack.labels}; {not closed"
    assert placeholders(text) == ["stack.region", "stack.labels"]
    shown = fill_in(text, {"stack.region": "{stack.labels}", "stack.labels": "x" * 500})
    assert shown.startswith("{stack.labels} is not xxx")
    assert len(shown) < 300
    assert fill_in("{stack.name}", {}) == "nothing"


def test_whole_numbers_fit_where_fractions_are_allowed() -> None:
    assert isinstance(fitted(FactType.DOUBLE, 3), float)
    assert fitted(FactType.INT, 3) == 3
    assert explain_misfit(FactType.DOUBLE, 3) is None


def test_a_value_of_another_type_is_told() -> None:
    assert explain_misfit(FactType.INT, "3") == "Must be a value of type int."
    assert explain_misfit(FactType.INT, True) is not None
    assert explain_misfit(FactType.DYN, None) is None
