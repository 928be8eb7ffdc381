"""What was typed into the form of a new stack as a request: to the service, as curl, as Python."""

from __future__ import annotations

import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app import exact_json
from app.console.shell.forms.fields import Field, leaves
from app.console.shell.forms.values import ON, Typed, read_pairs, read_parameters
from app.console.shell.labels.stacks import CHECK_PERIOD
from app.domain.operations import AutoApply
from app.errors import FieldProblem, ValidationError
from app.services.labels import check_labels
from app.services.schedules.settings import DriftSettings
from app.services.stacks.create import NewStack

SECRET_SHOWN = "(your secret)"
NEVER = "never"
WATCH: Mapping[str, str] = {"": "Default of the installation", **CHECK_PERIOD, NEVER: "Never"}


@dataclass(frozen=True)
class NewStackRequest:
    """A request for a stack of ``kind``, whose own fields are ``parameters``."""

    kind: str
    plural: str
    parameters: tuple[Field, ...]
    typed: Typed
    api_root: str

    def to_service(self) -> NewStack:
        """Return what the service is asked for.

        Raises:
            ValidationError: a field cannot be read.
        """
        problems: list[FieldProblem] = []
        labels = read_pairs(self.typed.get("/labels", ""), "/labels", problems)
        if problems:
            raise ValidationError("The labels cannot be read.", problems=tuple(problems))
        check_labels(labels)
        return NewStack(
            kind=self.kind,
            name=self._text("name"),
            project=self._text("project"),
            cloud_account=self._text("cloud_account"),
            region=self._text("region") or None,
            parameters=read_parameters(self.parameters, self.typed),
            labels=labels,
            auto_apply=_auto_apply(self.typed),
            drift=_drift(self.typed),
            deletion_protection=self.typed.get("/deletion_protection") == ON,
        )

    @property
    def curl(self) -> str:
        """The same request as a command; a secret that was typed is not repeated."""
        lines = [
            f"curl -X POST {shlex.quote(f'{self.api_root}/{self.plural}')}",
            "-H 'Content-Type: application/json'",
            '-H "Authorization: Bearer $LANDFORM_TOKEN"',
            '-H "Idempotency-Key: $(cat /proc/sys/kernel/random/uuid)"',
            f"-d {shlex.quote(exact_json.dumps(self._body(), indent=2, ensure_ascii=False))}",
        ]
        return " \\\n  ".join(lines)

    @property
    def python(self) -> str:
        """The same request with the Python client; a secret is not repeated either."""
        body = pprint.pformat(self._body(), indent=1, width=76, sort_dicts=False)
        root = self.api_root.removesuffix("/api/v1")
        return "\n".join(
            [
                "import os",
                "",
                "from landform_client import Landform",
                "",
                f'landform = Landform({root!r}, token=os.environ["LANDFORM_TOKEN"])',
                f"wanted = {body}",
                f"asked = landform.create({self.kind!r}, **wanted)",
                'landform.wait_for(asked["operation"], timeout_seconds=600)',
            ]
        )

    def _body(self) -> dict[str, Any]:
        """Return the body of the request as far as it can be read, without secrets."""
        names = ("name", "project", "cloud_account", "region")
        body: dict[str, Any] = {name: self._text(name) for name in names}
        body["labels"] = read_pairs(self.typed.get("/labels", ""), "/labels", [])
        auto_apply = self.typed.get("/auto_apply", "")
        body["auto_apply"] = "" if auto_apply == AutoApply.ALWAYS else auto_apply
        body["deletion_protection"] = self.typed.get("/deletion_protection") == ON
        every = self.typed.get("/drift", "")
        if every == NEVER:
            body["drift"] = {"enabled": False}
        elif every.isascii() and every.isdigit():
            body["drift"] = {"interval_seconds": int(every)}
        return {name: value for name, value in body.items() if value} | {
            "parameters": self._shown_parameters()
        }

    def _shown_parameters(self) -> dict[str, Any]:
        hidden = {
            item.pointer: SECRET_SHOWN
            for item in leaves(self.parameters)
            if item.is_secret and self.typed.get(item.pointer)
        }
        try:
            return read_parameters(self.parameters, {**self.typed, **hidden})
        except ValidationError:
            return {}

    def _text(self, name: str) -> str:
        return self.typed.get(f"/{name}", "").strip()


def _auto_apply(typed: Typed) -> AutoApply:
    try:
        return AutoApply(typed.get("/auto_apply") or AutoApply.ALWAYS)
    except ValueError as error:
        known = ", ".join(AutoApply)
        raise ValidationError.at("/auto_apply", f"Choose one of: {known}.") from error


def _drift(typed: Typed) -> DriftSettings:
    every = typed.get("/drift", "")
    if every not in WATCH:
        raise ValidationError.at("/drift", "Choose one of the listed periods.")
    if every == NEVER:
        return DriftSettings(enabled=False)
    return DriftSettings(interval_seconds=int(every)) if every else DriftSettings()
