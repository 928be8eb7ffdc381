"""Terraform gets our environment and our CLI configuration, nothing of the machine's."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.storage.run_files import LOCK_FILE
from app.terraform.cli import Terraform
from app.terraform.environment import (
    build_environment,
    cli_config,
    list_mirrored_providers,
    write_cli_config,
)
from app.terraform.terraform_errors import TerraformError

HOME, TEMPORARY, CONFIG = Path("/r/home"), Path("/r/tmp"), Path("/r/c.tfrc")


def test_only_named_variables_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_CA_BUNDLE", "https_proxy", "TF_LOG", "LD_PRELOAD"):
        monkeypatch.setenv(name, "/nowhere")
    found = build_environment(HOME, TEMPORARY, CONFIG, {"AWS_ACCESS_KEY_ID": "key"})
    assert found == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": "/r/home",
        "TMPDIR": "/r/tmp",
        "PLUGIN_UNIX_SOCKET_DIR": "/r/tmp",
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_CONFIG_FILE": "/r/c.tfrc",
        "AWS_ACCESS_KEY_ID": "key",
    }


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "TF_LOG", "TF_CLI_ARGS", "LD_PRELOAD", "PYTHONPATH", "a=b", "", "A B"]
)
def test_a_credential_may_not_change_how_terraform_runs(name: str) -> None:
    with pytest.raises(ConfigurationError):
        build_environment(HOME, TEMPORARY, CONFIG, {name: "x"})


def test_a_nul_in_a_credential_is_refused_without_showing_the_value() -> None:
    with pytest.raises(ConfigurationError) as caught:
        build_environment(HOME, TEMPORARY, CONFIG, {"TOKEN": "secret\0"})
    assert "secret" not in caught.value.detail


def test_a_mirror_lists_what_it_holds(tmp_path: Path) -> None:
    for name in ("registry.terraform.io/hashicorp/aws/5.1.0", "landform.local/a/b", "notes/x/y"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "registry.terraform.io/hashicorp/file").write_text("")
    assert list_mirrored_providers(tmp_path) == ["registry.terraform.io/hashicorp/aws"]
    assert list_mirrored_providers(tmp_path / "absent") == []


def test_the_configuration_names_each_declared_provider_once_and_no_other(tmp_path: Path) -> None:
    sandbox, mirror = tmp_path / "sand box", tmp_path / 'mir"ror'
    sandbox.mkdir()
    (mirror / "registry.terraform.io/hashicorp/aws").mkdir(parents=True)
    local, mirrored = "landform.local/landform/sandbox", "registry.terraform.io/hashicorp/aws"
    sources = ["example.test/a/b", mirrored, local]
    write_cli_config(tmp_path / "c", cli_config(sources, sandbox, mirror))
    text = (tmp_path / "c").read_text()
    assert f'path    = "{sandbox}"' in text
    assert 'mir\\"ror"' in text
    assert re.findall(r"include = (.*)", text) == [
        f'["{local}"]',
        f'["{mirrored}"]',
        '["example.test/a/b"]',
    ]
    assert "exclude" not in text
    assert "direct" not in cli_config([mirrored, local], sandbox, mirror), "it would serve all"
    assert cli_config([mirrored], sandbox, None).count("include") == 1
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o600


def place_provider(mirror: Path, source: str) -> None:
    platform = f"linux_{'arm64' if os.uname().machine == 'aarch64' else 'amd64'}"
    folder = mirror / source / "1.0.0" / platform
    folder.mkdir(parents=True)
    program = folder / f"terraform-provider-{source.rpartition('/')[2]}_v1.0.0"
    program.write_text("#!/bin/sh\nexit 1\n")
    program.chmod(0o755)


def test_terraform_takes_providers_from_both_mirrors(
    tmp_path: Path, make_terraform: type[Terraform]
) -> None:
    sandbox, mirror = tmp_path / "sandbox mirror", tmp_path / "provider mirror"
    place_provider(sandbox, "landform.local/landform/sandbox")
    place_provider(mirror, "registry.example.test/acme/thing")
    sources = ["landform.local/landform/sandbox", "registry.example.test/acme/thing"]
    entries = "".join(f'    p{n} = {{ source = "{source}" }}\n' for n, source in enumerate(sources))
    terraform = make_terraform(f"terraform {{\n  required_providers {{\n{entries}  }}\n}}\n")
    config = cli_config(sources, sandbox, mirror)
    write_cli_config(terraform.directory / "landform.tfrc", config)
    lock_versions(terraform, sources)
    terraform.init(60)
    for source in sources:
        assert (terraform.directory / ".terraform/providers" / source).is_dir()


def lock_versions(terraform: Terraform, sources: list[str]) -> None:
    """Write a lock file without hashes: what ``place_provider`` makes is a stand-in."""
    blocks = [f'provider "{source}" {{\n  version = "1.0.0"\n}}\n' for source in sources]
    (terraform.directory / LOCK_FILE).write_text("".join(blocks))


def test_a_sandbox_provider_that_is_missing_is_not_looked_for_elsewhere(
    make_terraform: type[Terraform],
) -> None:
    terraform = make_terraform(
        "terraform {\n  required_providers {\n"
        '    p = { source = "landform.local/landform/absent" }\n  }\n}\n'
    )
    with pytest.raises(TerraformError, match="landform.local/landform/absent"):
        terraform.init(60)
