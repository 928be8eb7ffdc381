"""The package of the Python client: what is in it, and that it needs nothing of the server."""

from __future__ import annotations

import json
import subprocess
import tarfile
import typing
import zipfile
from pathlib import Path

import pytest

import landform_client
from app.config.settings import REPOSITORY_ROOT
from app.domain.operations import FINAL
from landform_client import answers
from tests.sdk.empty_environment import install
from tests.sdk.generate import SOURCES, build_python

SCHEMAS = {
    "Tokens": "TokensView",
    "Ref": "Ref",
    "StackRef": "StackRef",
    "References": "References",
    "Drift": "DriftView",
    "Stack": "StackView",
    "PlanCounts": "PlanCounts",
    "Step": "StepView",
    "OperationError": "OperationErrorView",
    "Wait": "WaitView",
    "Operation": "OperationView",
    "Accepted": "AcceptedView",
    "Event": "EventView",
    "Kind": "KindView",
    "AttributeChange": "AttributeChangeView",
    "DriftChange": "DriftChangeView",
    "DriftReport": "DriftReportView",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_python(tmp_path_factory.mktemp("packages") / "python")


@pytest.mark.parametrize(("name", "schema"), SCHEMAS.items())
def test_every_declared_shape_is_in_the_contract(name: str, schema: str) -> None:
    document = json.loads((REPOSITORY_ROOT / "docs" / "openapi.json").read_text())
    told = document["components"]["schemas"][schema]
    shape = getattr(answers, name)
    assert set(shape.__annotations__) <= set(told["properties"])
    assert set(shape.__required_keys__) <= set(told["required"])


def test_every_shape_is_compared_and_every_end_is_known() -> None:
    shapes = {name for name, item in vars(answers).items() if typing.is_typeddict(item)}
    assert shapes == set(SCHEMAS)
    assert {status.value for status in FINAL} == answers.DONE | answers.FAILED


def test_every_name_of_the_package_can_be_imported() -> None:
    for name in landform_client.__all__:
        assert getattr(landform_client, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = landform_client.nonsense  # type: ignore[attr-defined]


def test_wheel_and_source_have_the_package_its_licence_and_nothing_else(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (source,) = built.glob("*.tar.gz")
    files = {path.name for path in (SOURCES / "python" / "landform_client").rglob("*.py*")}
    files = {name for name in files if not name.endswith(".pyc")} - {"__pycache__"}
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        head = archive.read(next(name for name in names if name.endswith("/METADATA"))).decode()
    inside = {Path(name).name for name in names if name.startswith("landform_client/")}
    assert inside == files | {"py.typed"}
    assert any(name.endswith("LICENSE") for name in names)
    assert f"\nVersion: {landform_client.__version__}\n" in head
    with tarfile.open(source) as tar:
        assert any(name.endswith("/README.md") for name in tar.getnames())
    assert sorted(path.name for path in built.iterdir()) == sorted([wheel.name, source.name])


def test_the_licence_is_that_of_the_server_and_the_version_has_its_changes() -> None:
    licence = (SOURCES / "python" / "LICENSE").read_text()
    assert licence == (REPOSITORY_ROOT / "LICENSE").read_text()
    changes = (SOURCES / "python" / "CHANGELOG.md").read_text()
    assert f"\n## {landform_client.__version__}\n" in changes


def test_it_is_installed_alone(built: Path, tmp_path: Path) -> None:
    python = install(built, tmp_path / "empty")
    program = (
        "import importlib.util, landform_client as lf; "
        "print([getattr(lf, n).__name__ for n in ('Landform', 'Retry')], lf.__file__, "
        "importlib.util.find_spec('flask'))"
    )
    done = subprocess.run(
        [python, "-P", "-c", program],
        cwd=tmp_path,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("['Landform', 'Retry'] ")
    assert str(tmp_path / "empty") in done.stdout
    assert done.stdout.endswith(" None\n")
