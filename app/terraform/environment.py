"""The environment and the CLI configuration that Terraform gets: ours, never the machine's.

A machine's environment can carry ``TF_CLI_CONFIG_FILE`` that points nowhere, ``AWS_CA_BUNDLE`` or
proxies, each of which changes or breaks a run. Only what is named here is passed on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from app.errors import ConfigurationError

SEARCH_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LOCAL_HOST = "landform.local"
"""Stands in addresses of providers that come with Landform; no registry of that name is asked."""

RESERVED_PREFIXES = ("TF_", "LD_", "PYTHON")


_SYSTEM = {"PATH": SEARCH_PATH, "LANG": "C.UTF-8", "TZ": "UTC"}


def build_environment(
    home: Path,
    temporary: Path,
    cli_config: Path,
    credentials: Mapping[str, str],
    sockets: Path | None = None,
) -> dict[str, str]:
    """Return the complete environment of one Terraform run.

    Args:
        home: folder inside the run directory that serves as HOME, so that no login of the
            operating-system user (``~/.aws``, ``~/.terraform.d``) is picked up.
        temporary: folder for temporary files, also inside the run directory.
        cli_config: file written by ``write_cli_config``.
        credentials: variables of the cloud account, such as ``AWS_ACCESS_KEY_ID``.
        sockets: private folder in which providers listen; the temporary one if left out.

    Raises:
        ConfigurationError: a credential would override a variable that Landform sets.
    """
    own = {
        **_SYSTEM,
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PLUGIN_UNIX_SOCKET_DIR": str(sockets or temporary),
        "CHECKPOINT_DISABLE": "1",
        "TF_IN_AUTOMATION": "1",
        "TF_INPUT": "0",
        "TF_CLI_CONFIG_FILE": str(cli_config),
    }
    for name, value in credentials.items():
        _check_credential(name, value, own)
    return {**own, **credentials}


def build_provider_environment(credentials: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a provider process that is kept between runs.

    Its HOME and TMPDIR are added by who starts it. ``credentials`` are those that
    ``build_environment`` has accepted.
    """
    return {**_SYSTEM, **credentials}


def cli_config(sources: Iterable[str], sandbox_mirror: Path, provider_mirror: Path | None) -> str:
    """Return Terraform's CLI configuration: where providers are installed from.

    Terraform finds no other provider than those named here, whatever a configuration or a state
    asks for. A method without ``include`` would serve all, so one that has nothing is left out.

    Args:
        sources: whole address of each provider that the cloud declares.
        sandbox_mirror: filesystem mirror of the sandbox cloud's provider (``landform.local``).
        provider_mirror: another filesystem mirror, or None. What it holds is taken from there, the
            others come directly from their registry.
    """
    wanted = sorted(sources)
    local = [source for source in wanted if source.startswith(f"{LOCAL_HOST}/")]
    held = list_mirrored_providers(provider_mirror) if provider_mirror else []
    mirrored = [source for source in wanted if source in held]
    remote = [source for source in wanted if source not in (*local, *mirrored)]
    blocks = []
    if local and sandbox_mirror.is_dir():
        blocks.append(_mirror_block(sandbox_mirror, local))
    if mirrored and provider_mirror:
        blocks.append(_mirror_block(provider_mirror, mirrored))
    if remote:
        blocks.append(f"  direct {{\n    include = {_hcl_list(remote)}\n  }}\n")
    return "disable_checkpoint = true\n\nprovider_installation {\n" + "".join(blocks) + "}\n"


def write_cli_config(path: Path, text: str) -> None:
    """Write Terraform's CLI configuration, mode 0600."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def list_mirrored_providers(mirror: Path) -> list[str]:
    """Return ``host/namespace/type`` of each provider that lies in the filesystem mirror, sorted.

    A missing or unreadable mirror holds nothing. Hosts have a dot or a port; other folders are no
    part of a mirror.
    """
    found = {
        "/".join(folder.relative_to(mirror).parts)
        for folder in mirror.glob("*/*/*")
        if folder.is_dir() and any(mark in folder.parts[-3] for mark in ".:")
    }
    return sorted(source for source in found if not source.startswith("landform.local/"))


def _check_credential(name: str, value: str, own: Mapping[str, str]) -> None:
    if not name.isidentifier() or name in own or name.startswith(RESERVED_PREFIXES):
        raise ConfigurationError(f"A cloud account may not set the variable {name!r}.")
    if "\0" in value:
        raise ConfigurationError(f"The value of {name!r} holds a NUL character.")


def _mirror_block(folder: Path, sources: Iterable[str]) -> str:
    location = json.dumps(str(folder.resolve()), ensure_ascii=False)
    return (
        f"  filesystem_mirror {{\n    path    = {location}\n"
        f"    include = {_hcl_list(sources)}\n  }}\n"
    )


def _hcl_list(values: Iterable[str]) -> str:
    return "[" + ", ".join(json.dumps(value, ensure_ascii=False) for value in values) + "]"
