"""What an operator may choose for a plan: targets, replacements, imports. Pure rules.

These texts reach Terraform's command line or a ``*.tf.json`` file, where ``${`` would be evaluated;
so only what an address or an id can be is let through.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import FieldProblem, ValidationError

MAX_ADDRESSES = 50
MAX_FINDINGS = 200
_NAME = r"[A-Za-z_][A-Za-z0-9_-]{0,127}"
_INDEX = r"(?:\[(?:\d{1,9}|\"[A-Za-z0-9 ._:/@+=-]{1,128}\")\])?"
ADDRESS = re.compile(rf"(?:module\.{_NAME}{_INDEX}\.)*{_NAME}\.{_NAME}{_INDEX}")
IDENTIFIER = re.compile(r"[A-Za-z0-9._:/@+=,|-]{1,512}")


@dataclass(frozen=True)
class Import:
    """A resource that exists in the cloud and is to come under the address ``to``."""

    to: str
    id: str

    @property
    def is_plain(self) -> bool:
        """Whether both are texts that may reach Terraform."""
        return bool(ADDRESS.fullmatch(self.to) and IDENTIFIER.fullmatch(self.id))


@dataclass(frozen=True)
class PlanOptions:
    """Choices for one plan; empty ones mean the whole stack.

    ``serial`` is the state version that a rollback goes back to, ``report_id`` the drift report
    that is to be reconciled or accepted, ``findings`` which of its findings are accepted (without
    any, all of them), ``state_backend`` where a move takes the state.
    ``adopts_forgotten`` has a rollback import what its earlier state does not know.
    ``takes_unplaced`` has a plan delete imports that the parameters have no place for any more.
    """

    targets: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    serial: int | None = None
    report_id: str | None = None
    state_backend: str | None = None
    findings: tuple[str, ...] = ()
    adopts_forgotten: bool = False
    takes_unplaced: bool = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PlanOptions:
        """Rebuild what ``to_dict`` made."""
        return cls(
            targets=tuple(data.get("targets", ())),
            replace=tuple(data.get("replace", ())),
            imports=tuple(Import(item["to"], item["id"]) for item in data.get("imports", ())),
            serial=data.get("serial"),
            report_id=data.get("report_id"),
            state_backend=data.get("state_backend"),
            findings=tuple(data.get("findings", ())),
            adopts_forgotten=bool(data.get("adopts_forgotten")),
            takes_unplaced=bool(data.get("takes_unplaced")),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for SQL, without what says nothing."""
        data = {
            "targets": list(self.targets),
            "replace": list(self.replace),
            "imports": [{"to": item.to, "id": item.id} for item in self.imports],
            "serial": self.serial,
            "report_id": self.report_id,
            "state_backend": self.state_backend,
            "findings": list(self.findings),
            "adopts_forgotten": self.adopts_forgotten or None,
            "takes_unplaced": self.takes_unplaced or None,
        }
        return {name: value for name, value in data.items() if value not in ([], None)}

    def check(self) -> PlanOptions:
        """Return the options themselves when every text is what it has to be.

        Raises:
            ValidationError: has the pointer of each bad one.
        """
        problems = []
        for name, addresses in (("targets", self.targets), ("replace", self.replace)):
            problems += [
                FieldProblem(f"/{name}/{index}", "is not the address of a resource")
                for index, address in enumerate(addresses)
                if not ADDRESS.fullmatch(address)
            ]
            if len(addresses) > MAX_ADDRESSES:
                problems.append(FieldProblem(f"/{name}", f"at most {MAX_ADDRESSES} addresses"))
        for index, item in enumerate(self.imports):
            if not ADDRESS.fullmatch(item.to):
                message = "is not the address of a resource"
                problems.append(FieldProblem(f"/imports/{index}/address", message))
            if not IDENTIFIER.fullmatch(item.id):
                problems.append(FieldProblem(f"/imports/{index}/id", "is not an id of a resource"))
        if problems:
            raise ValidationError(
                f"{problems[0].pointer} {problems[0].message}", problems=tuple(problems)
            )
        return self
