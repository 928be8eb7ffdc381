"""The generated clients and the quick starts, through the whole life of a stack, types checked."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.config.settings import REPOSITORY_ROOT
from tests.running import RunningLandform, running_landform
from tests.sdk.empty_environment import install
from tests.sdk.generate import (
    GENERATORS,
    MissingToolError,
    build_python,
    generate_go,
    generate_java,
    generate_python,
    generate_typescript,
)

pytestmark = pytest.mark.thorough

DOCS = REPOSITORY_ROOT / "docs"
SECONDS = 150
TYPED_LIFE = Path(__file__).with_name("typed_life.py")


@pytest.fixture(scope="module")
def landform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLandform]:
    home = tmp_path_factory.mktemp("sdk") / "home"
    with running_landform(home, LANDFORM_LOGIN_RATE="1000/minute") as running:
        yield running


@pytest.fixture(scope="module")
def python_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate_python(tmp_path_factory.mktemp("python") / "sdk")


@pytest.fixture(scope="module")
def typescript_client() -> Path:
    """The client in ``build``, so that its Node modules are installed once."""
    try:
        return generate_typescript()
    except MissingToolError as missing:
        pytest.skip(str(missing))


def blocks(page: str, language: str) -> str:
    """Return the code of a quick start."""
    found = re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)
    assert found, f"{page} has no {language}"
    return "\n".join(found)


def programs(page: str, language: str) -> list[str]:
    """Return the programs of a quick start: each block of code is one."""
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / page).read_text(), re.DOTALL)


def at(landform: RunningLandform, text: str) -> str:
    """Let a program speak to ``landform`` instead of to the port and folder of the page."""
    assert ":8080" in text
    assert "var/" in text
    text = text.replace(":8090", f":{landform.sandbox_port}")
    return text.replace(":8080", f":{landform.port}").replace("var/", f"{landform.home}/")


def run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "NO_PROXY": "127.0.0.1", **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done


def check_types(client: Path, *files: Path) -> None:
    """Check a generated package, and programs that use it, as strictly as mypy can."""
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", os.devnull]
    command += ["--cache-dir", str(client / ".mypy_cache"), "-p", "landform_typed_client"]
    run(command, client)
    if files:
        checked = [*command[:-2], *map(str, files)]
        run(checked, client, MYPYPATH=str(client))


def test_the_quick_start_with_curl_works_as_it_stands(
    landform: RunningLandform, tmp_path: Path
) -> None:
    script = at(landform, blocks("quick-start-curl.md", "bash"))
    told = run(["/bin/bash", "-eu", "-o", "pipefail", "-c", script], tmp_path).stdout.splitlines()
    assert told[0].startswith("['")
    assert told[1] == "applied"
    assert told[2].startswith("apply applied {'add': 1, 'change': ")
    assert told[-1] == "deleted"


def test_the_quick_start_with_python_works_where_nothing_of_the_server_is(
    landform: RunningLandform, tmp_path: Path
) -> None:
    python = install(build_python(tmp_path / "built"), tmp_path / "empty")
    life, environment = programs("quick-start-python.md", "python")
    program = tmp_path / "quick_start.py"
    program.write_text(at(landform, life))
    lines = run([str(python), "-P", str(program)], tmp_path).stdout.splitlines()
    assert lines[0].startswith("outputs ['sub_")
    assert any(line.endswith(" Will create 1 resource.") for line in lines)
    (changed,) = [line for line in lines if line.startswith("changed ")]
    assert "'add': 1" in changed
    history = [line.split()[:2] for line in lines[lines.index(changed) + 1 :]]
    assert history[:2] == [["apply", "applied"]] * 2
    assert lines[-3].startswith("409 name_taken ")
    assert lines[-2].startswith("validation_failed [{")
    assert lines[-1] == "destroyed applied"
    program.write_text(at(landform, environment))
    told = run([str(python), "-P", str(program)], tmp_path).stdout.splitlines()
    assert told[0] == "made ['py-data', 'py-files', 'py-jobs', 'py-net', 'py-web']"
    assert "'add': 1" in told[1]
    assert told[2:] == ["drift network updated ['internet_access']", "left []"]


def test_the_generated_python_client_goes_through_the_whole_life(
    landform: RunningLandform, python_client: Path, tmp_path: Path
) -> None:
    program = tmp_path / "typed_life.py"
    program.write_text(at(landform, TYPED_LIFE.read_text()))
    check_types(python_client, program)
    told = run([sys.executable, str(program)], tmp_path, PYTHONPATH=str(python_client)).stdout
    lines = told.splitlines()
    assert lines[0].startswith("ready net_")
    assert lines[1].startswith("applied PlanCounts(")
    assert [line.split()[:2] for line in lines[2:4]] == [["apply", "applied"]] * 2
    assert lines[4].startswith("409 name_taken ")
    assert lines[5] == "applied"


WAITING = """
from landform_typed_client import AuthenticatedClient
from landform_typed_client.api.operations import cancel_operation
from landform_typed_client.api.networks import create_network
from landform_typed_client.models import CancelBody, NewNetwork
from landform_typed_client.waiting import (
    OperationFailedError, ProblemError, WaitTimeoutError, expect, wait_for
)

client = AuthenticatedClient("{url}", token="{token}")
try:
    wait_for(client, "op_none")
except ProblemError as problem:
    print(problem.status, problem.code, bool(problem.advice), problem.problem.request_id != "")
asked = expect(create_network.sync(client=client, body=NewNetwork("{name}", "sandbox"))).operation
assert asked is not None
try:
    wait_for(client, asked, timeout_seconds=0.1)
except WaitTimeoutError as late:
    print("late", late.operation.id == asked.id)
expect(cancel_operation.sync(asked.id, client=client, body=CancelBody()))
try:
    wait_for(client, asked.id)
except OperationFailedError as failed:
    print(failed.code.removeprefix("operation_"), failed.operation.status.value)
"""


def test_the_generated_python_clients_helper_says_what_went_wrong(
    landform: RunningLandform, python_client: Path, tmp_path: Path
) -> None:
    landform.cloud.set_faults(create_delay_seconds=20)
    token = landform.http.headers["Authorization"].removeprefix("Bearer ")
    url = f"http://127.0.0.1:{landform.port}"
    program = WAITING.format(url=url, token=token, name="python-held")
    try:
        done = run([sys.executable, "-c", program], tmp_path, PYTHONPATH=str(python_client))
    finally:
        landform.cloud.set_faults(create_delay_seconds=0)
    # The code says "operation_canceled" when Terraform had to be stopped, and only then.
    assert done.stdout.splitlines() == [
        "404 not_found True True",
        "late True",
        "canceled canceled",
    ]


@pytest.fixture
def node_project(typescript_client: Path, tmp_path: Path) -> Path:
    """A project that has installed the tarball, and what it names, and nothing else."""
    (tarball,) = typescript_client.glob("landform-client-*.tgz")
    modules = tmp_path / "node_modules"
    modules.mkdir()
    with tarfile.open(tarball) as packed:
        packed.extractall(modules, filter="data")
    (modules / "package").rename(modules / "landform-client")
    for name in ("openapi-fetch", "openapi-typescript-helpers"):
        (modules / name).symlink_to(typescript_client / "node_modules" / name)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node.d.ts").write_text(
        'declare module "node:fs" { export function readFileSync(p: string, e: "utf8"): string; }\n'
    )
    return tmp_path


def run_typescript(client: Path, project: Path, name: str) -> list[str]:
    """Compile a program in strict mode and run it; return the lines that it prints."""
    tsc = str(client / "node_modules" / ".bin" / "tsc")
    options = ["--strict", "--target", "ES2022", "--module", "NodeNext", "--lib", "ES2022,DOM"]
    run([tsc, *options, name, "node.d.ts"], project)
    node = shutil.which("node")
    assert node is not None
    return run([node, name.replace(".ts", ".js")], project).stdout.splitlines()


def test_the_typescript_client_goes_through_the_whole_life(
    landform: RunningLandform, typescript_client: Path, node_project: Path
) -> None:
    life, environment = programs("quick-start-typescript.md", "typescript")
    program = node_project / "quick-start.ts"
    program.write_text(at(landform, life))
    lines = run_typescript(typescript_client, node_project, program.name)
    assert lines[0].startswith("ready net_")
    assert any(line.startswith("applied {") for line in lines)  # of several lines
    assert any(line.endswith(" Will create 1 resource.") for line in lines)
    assert any(line.startswith("apply applied ") for line in lines)
    assert any(line.startswith("409 name_taken ") for line in lines)
    assert lines[-1] == "applied"
    program.write_text(at(landform, environment))
    told = run_typescript(typescript_client, node_project, program.name)
    assert told[0] == "made ts-data ts-files ts-jobs ts-net ts-web"
    assert '"add":1' in told[1]
    assert told[2:] == ["drift network updated internet_access", "removed"]


def test_the_typescript_client_repeats_renews_and_resumes(
    typescript_client: Path, node_project: Path
) -> None:
    shutil.copy(Path(__file__).with_name("extras.ts"), node_project)
    lines = run_typescript(typescript_client, node_project, "extras.ts")
    assert len(lines) == 10
    assert all(line.startswith("ok ") for line in lines)


def test_the_typescript_package_has_what_a_package_needs(typescript_client: Path) -> None:
    (tarball,) = typescript_client.glob("landform-client-*.tgz")
    with tarfile.open(tarball) as packed:
        names = set(packed.getnames())
    for name in ("README.md", "CHANGELOG.md", "LICENSE", "dist/index.js", "dist/index.d.ts"):
        assert f"package/{name}" in names
    assert [name for name in names if "node_modules" in name or "/src/" in name] == []


@pytest.mark.parametrize("generate", [generate_go, generate_java])
def test_go_and_java_are_generated_where_java_is(generate: object, tmp_path: Path) -> None:
    assert generate in GENERATORS.values()
    try:
        folder = generate(tmp_path / "sdk")  # type: ignore[operator]  # both take a folder
    except MissingToolError as missing:
        pytest.skip(str(missing))
    text = "".join(path.read_text() for path in folder.rglob("*etworks*") if path.is_file())
    assert "reateNetwork" in text
