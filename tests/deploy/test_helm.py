"""The chart starts what there is, with the rights of the units; rendered where Helm's SDK is."""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
from typing import Any

import jsonschema
import pytest
import yaml

from app.config.settings import Settings
from app.terraform_account import CAPABILITIES
from tests.checks.test_systemd import UNITS, read
from tests.checks.tree import ROOT
from tests.deploy.test_container import SERVICES

CHART = ROOT / "deploy" / "helm" / "landform"
TEMPLATES = {path.name: path.read_text("utf-8") for path in (CHART / "templates").iterdir()}
ALL = "\n".join(TEMPLATES.values())
VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text("utf-8"))
CHOSEN = {
    "image": {"repository": "registry.example.com/landform", "tag": "1.0.0"},
    "state": {"existingClaim": "landform-state"},
    "settings": {"LANDFORM_PUBLIC_URL": "https://landform.example.com"},
}
NO_CLAIM: dict[str, Any] = {
    "state": {"existingClaim": ""},
    "settings": {"LANDFORM_STATE_BACKEND": "s3", "LANDFORM_STATE_S3_BUCKET": "acme-landform"},
}
needs_helm = pytest.mark.skipif(
    importlib.util.find_spec("helm_python") is None,
    reason="Helm's SDK is not installed (`helm-python-sdk` of PyPI)",
)
TERRAFORM = {"agent", "provider-pool", "scheduler", "worker-0", "worker-1"}


def valid(values: dict[str, Any]) -> bool:
    return bool(jsonschema.Draft7Validator(SCHEMA).is_valid({**VALUES, **values}))


def test_the_values_are_those_that_templates_use_and_the_schema_knows() -> None:
    used = set(re.findall(r"\.Values\.(\w+)", ALL))
    assert used == set(VALUES) == set(SCHEMA["properties"]) - {"global"}
    for name, value in VALUES.items():
        if isinstance(value, dict) and name != "settings":
            assert set(value) == set(SCHEMA["properties"][name]["properties"]), name


def test_the_schema_refuses_what_is_missing_misspelt_or_secret() -> None:
    assert valid(CHOSEN)
    assert not valid({}), "no image, no claim"
    assert not valid({**CHOSEN, "state": NO_CLAIM["state"]})
    assert valid({**CHOSEN, **NO_CLAIM}), "with state on S3 pods share no folder"
    elsewhere = {**NO_CLAIM["settings"], "LANDFORM_STATE_BACKEND": "volume"}
    assert not valid({**CHOSEN, **NO_CLAIM, "settings": elsewhere})
    assert not valid({**CHOSEN, "replicas": 1})
    secret = [*Settings.secret_names(), "database_url", "redis_url"]
    for name in secret:
        assert not valid({**CHOSEN, "settings": {f"LANDFORM_{name.upper()}": "x"}}), name
    plain = set(Settings.model_fields) - set(secret)
    assert [name for name in plain if not valid({**CHOSEN, "settings": setting(name)})] == []


def setting(name: str) -> dict[str, str]:
    return {f"LANDFORM_{name.upper()}": "x"}


def test_modules_users_and_settings_are_those_of_the_other_ways_to_run() -> None:
    started = {re.sub(r".* -m (\S+).*", r"\1", read(unit)["ExecStart"]) for unit in UNITS}
    named = set(re.findall(r"\"(agent|provider_pool|scheduler|worker)[-\"]", ALL))
    assert {f"workers.{name}" for name in named} | {"workers.prepare", "gunicorn"} == started
    assert set(re.findall(r"runAsUser: (\d+)", ALL)) == {"0", "10001"}
    settings = {name.lower() for name in re.findall(r"\bLANDFORM_([A-Z_]+)\b", ALL)}
    assert settings == {"home", "state_root"}
    words = re.search(r'define "landform.setpriv" -}}\n(.*?)\n{{- end', ALL, re.S)
    assert words is not None
    assert yaml.safe_load(words[1]) == SERVICES["worker"]["entrypoint"]


@needs_helm
def test_the_chart_renders_pods_with_no_more_rights_than_they_need() -> None:
    deployments = {item["metadata"]["name"]: item for item in rendered() if is_deployment(item)}
    assert set(deployments) == {"demo-web", "demo-worker", "demo-scheduler"}
    needed = {name.removeprefix("CAP_") for name in CAPABILITIES}
    seen: set[str] = set()
    for item in deployments.values():
        pod = item["spec"]["template"]["spec"]
        assert pod["enableServiceLinks"] is pod["automountServiceAccountToken"] is False
        places = {volume["name"] for volume in pod["volumes"]}
        for container in pod["containers"]:
            seen.add(container["name"])
            rights = container["securityContext"]
            assert rights["readOnlyRootFilesystem"] is True
            assert rights["allowPrivilegeEscalation"] is False
            assert rights["capabilities"]["drop"] == ["ALL"]
            added = set(rights["capabilities"].get("add", ()))
            assert added == (needed if container["name"] in TERRAFORM else set())
            mounts = {mount["name"] for mount in container["volumeMounts"]}
            assert mounts <= places - {"secret"}, "only what hands the keys out sees all of them"
            names = {variable["name"] for variable in container["env"]}
            has_keys = "keys" in mounts
            assert has_keys is ("CREDENTIALS_DIRECTORY" in names)
            assert has_keys is (container["name"] != "provider-pool")
    assert seen == {"web", *TERRAFORM}


@needs_helm
def test_a_pod_of_workers_is_one_host_that_lets_an_apply_end() -> None:
    (workers,) = [item for item in rendered() if item["metadata"]["name"] == "demo-worker"]
    pod = workers["spec"]["template"]["spec"]
    assert pod["shareProcessNamespace"] is True
    (unit,) = [path for path in UNITS if path.stem == "landform-worker@"]
    assert str(pod["terminationGracePeriodSeconds"]) == read(unit)["TimeoutStopSec"]
    for container in pod["containers"]:
        program = re.sub(r"-\d+$", "", container["name"]).replace("-", "_")
        assert container["command"][-3:] == ["python", "-m", f"workers.{program}"]


@needs_helm
def test_with_state_on_s3_no_pod_has_a_folder_that_others_share() -> None:
    texts = [str(item) for item in rendered({**CHOSEN, **NO_CLAIM}) if is_deployment(item)]
    assert len(texts) == 3
    assert [text for text in texts if "/srv/landform-state" in text or "ClaimName" in text] == []
    assert all("LANDFORM_STATE_BACKEND" in text for text in texts)


def rendered(values: dict[str, Any] = CHOSEN) -> list[dict[str, Any]]:
    helm = importlib.import_module("helm_python")
    with helm.Chart.load(str(CHART)) as chart:
        files = chart.render(values, name="demo", namespace="prod")
    texts = "\n---\n".join(text for name, text in files.items() if name.endswith(".yaml"))
    return [item for item in yaml.safe_load_all(texts) if item]


def is_deployment(item: dict[str, Any]) -> bool:
    return bool(item["kind"] == "Deployment")
