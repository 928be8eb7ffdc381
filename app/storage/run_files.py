"""What a run directory is filled with, in memory: the module, its values and the state.

Whatever ``init`` and ``plan`` do follows from it, so equal files mean equal answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app import exact_json
from app.errors import CatalogError

PROVIDER_FILE = "landform_provider.tf"
VARIABLES_FILE = "landform.auto.tfvars.json"
IMPORTS_FILE = "landform_imports.tf.json"
STATE_FILE = "terraform.tfstate"
LOCK_FILE = ".terraform.lock.hcl"


@dataclass(frozen=True)
class RunFiles:
    """The content of each file that Terraform finds when it starts.

    Args:
        configuration: by name, what ``init`` reads: ``*.tf``, ``*.tf.json`` and the lock file.
        variables: values for the module, secrets included.
        state: plain bytes of the state of record, or None for a new stack.
    """

    configuration: Mapping[str, bytes]
    variables: bytes = field(repr=False)
    state: bytes | None = field(repr=False)

    @classmethod
    def of(
        cls,
        module_dir: Path | None,
        provider_hcl: str,
        variables: Mapping[str, Any],
        provider_lock: bytes,
        state: bytes | None = None,
        imports: Sequence[tuple[str, str]] = (),
    ) -> RunFiles:
        """Put the files of a run together.

        Args:
            module_dir: root module of the blueprint; its ``*.tf`` files are taken. None leaves the
                provider alone: enough to destroy what the state holds.
            provider_hcl: provider block of the cloud, from the catalog, never from a user.
            variables: values for the module; plain JSON data.
            provider_lock: dependency lock file of the cloud's providers: nothing else may be
                installed.
            state: plain bytes of the state of record, or None for a new stack.
            imports: pairs of address and id that the plan takes into the state, checked by
                ``app.domain.plan_options``: in this file Terraform would evaluate a template.

        Raises:
            CatalogError: the module has no ``*.tf``, or a file that leads out of its folder.
        """
        configuration = read_module(module_dir) if module_dir is not None else {}
        configuration[LOCK_FILE] = provider_lock
        configuration[PROVIDER_FILE] = provider_hcl.encode()
        if imports:
            configuration[IMPORTS_FILE] = import_blocks(imports)
        values = exact_json.dumps(dict(variables), ensure_ascii=False, indent=2)
        return cls(configuration, values.encode(), state)

    def all(self) -> dict[str, bytes]:
        """Return every file by name."""
        files = {**self.configuration, VARIABLES_FILE: self.variables}
        return files if self.state is None else {**files, STATE_FILE: self.state}


def import_blocks(imports: Sequence[tuple[str, str]]) -> bytes:
    """Return the content of the file that has Terraform import these pairs of address and id."""
    blocks = [{"to": address, "id": identifier} for address, identifier in imports]
    return exact_json.dumps({"import": blocks}, indent=2).encode()


def read_module(module_dir: Path) -> dict[str, bytes]:
    """Return the files of a root module that Terraform is to see, by name.

    Raises:
        CatalogError: there is no ``*.tf``, or one that leads out of its folder.
    """
    root = module_dir.resolve()
    found = sorted(path for path in root.glob("*.tf"))
    if not found:
        raise CatalogError(f"{module_dir} holds no *.tf file.")
    for path in found:
        target = path.resolve()
        if not target.is_file() or target.parent != root:
            raise CatalogError(f"{path} is not a plain file inside its module.")
        if path.name == PROVIDER_FILE:
            raise CatalogError(f"{path}: the name {PROVIDER_FILE} is reserved for Landform.")
    return {path.name: path.read_bytes() for path in found}
