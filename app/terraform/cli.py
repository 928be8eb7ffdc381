"""Terraform's subcommands as typed calls: what each answers, and its failures as domain errors.

Owns exit codes, diagnostics and the rule that secrets do not leave: only event lines are passed
on, credentials are masked in them, and documents with plain secrets (``show``, ``output``) are
captured in a private file that is removed once read.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app import exact_json
from app.domain.agreement import NOTHING, Agreement
from app.domain.state_file import StateFile
from app.terraform import arguments
from app.terraform.arguments import PlanMode
from app.terraform.confinement import UNCONFINED, Confinement
from app.terraform.diagnostic import Diagnostic, parse_diagnostic
from app.terraform.discovery import TerraformBinary
from app.terraform.events import ChangeSummary, Event
from app.terraform.identity import ProcessIdentity
from app.terraform.plan import Plan
from app.terraform.process import ProcessHooks, ProcessSpec, run_process
from app.terraform.step import Step
from app.terraform.terraform_errors import TerraformError

MAX_DOCUMENT_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True)
class StepHooks:
    """What the caller wants to know while a step runs; an exception stops Terraform gracefully."""

    on_event: Callable[[Event], None] = lambda event: None
    on_start: Callable[[ProcessIdentity], None] = lambda identity: None
    on_poll: Callable[[], None] = lambda: None
    should_stop: Callable[[], bool] = lambda: False
    should_kill: Callable[[], bool] = lambda: True
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class PlanOutcome:
    """Answer of ``plan``: whether it found changes (for ``refresh-only``: drift)."""

    has_changes: bool
    summary: ChangeSummary | None
    warnings: tuple[Diagnostic, ...]
    is_still: bool
    """Neither the configuration nor reality differs from the recorded state. Terraform names each
    resource that changed outside, and every line was read."""


@dataclass(frozen=True)
class ApplyOutcome:
    """Answer of a successful ``apply``."""

    summary: ChangeSummary | None
    warnings: tuple[Diagnostic, ...]


@dataclass(frozen=True)
class OutputValue:
    """One root output; ``value`` is plain also when it is sensitive."""

    value: Any
    type: Any
    is_sensitive: bool


@dataclass(frozen=True)
class Terraform:
    """Terraform in one run directory.

    Args:
        binary: which Terraform, from ``discover``.
        directory: the run directory with the configuration and the private state.
        environment: the complete environment, from ``build_environment``.
        logs: existing folder for ``<step>.jsonl`` (events) and ``<step>.stderr``. Never copy
            these files elsewhere: on a full disk Terraform writes the raw state into them.
        grace_seconds: how long Terraform may take to stop after SIGINT.
        hooks: called during each step, in the calling thread.
        secrets: values masked in every event and error, such as the account's credentials.
        inherited: descriptors that Terraform keeps open, such as the writer's lock of the stack.
        reattach: value for ``TF_REATTACH_PROVIDERS``, a provider that already runs; used by steps
            that change nothing.
        moving: attributes that the cloud changes by itself, by type of resource.
        confinement: as whom Terraform runs, and what it may see.
        agreement: what was agreed, over the state in the directory.
    """

    binary: TerraformBinary
    directory: Path
    environment: Mapping[str, str]
    logs: Path
    grace_seconds: float
    hooks: StepHooks = field(default_factory=StepHooks)
    secrets: Collection[str] = ()
    inherited: tuple[int, ...] = ()
    reattach: str | None = None
    moving: Mapping[str, Collection[str]] = field(default_factory=dict)
    confinement: Confinement = UNCONFINED
    agreement: Agreement = NOTHING

    def init(self, deadline_seconds: float) -> None:
        """Install the providers that the lock file names, with its hashes, and no others.

        Args:
            deadline_seconds: how long it may take.

        Raises:
            TerraformError, OperationCanceledError, OperationDeadlineError.
        """
        step = self._run("init", arguments.init_arguments(), deadline_seconds)
        step.require_success()

    def validate(self, deadline_seconds: float) -> tuple[Diagnostic, ...]:
        """Check the configuration; return its warnings.

        Raises:
            TerraformError: the configuration is not valid.
        """
        step, document = self._capture(
            "validate", arguments.validate_arguments(), deadline_seconds, allowed=(0, 1)
        )
        found = [parse_diagnostic(item) for item in document.get("diagnostics") or ()]
        diagnostics = tuple(item for item in found if item is not None)
        if document.get("valid") is not True:
            step.diagnostics.extend(diagnostics)
            step.fail()
        return diagnostics

    def plan(
        self,
        plan_file: Path,
        deadline_seconds: float,
        *,
        mode: PlanMode = PlanMode.NORMAL,
        targets: Sequence[str] = (),
        replace: Sequence[str] = (),
        step_name: str = "plan",
    ) -> PlanOutcome:
        """Make a saved plan in ``plan_file`` (absolute path).

        Raises:
            TerraformError, OperationCanceledError, OperationDeadlineError.
        """
        argument_list = arguments.plan_arguments(plan_file, mode, targets, replace)
        step = self._run(step_name, argument_list, deadline_seconds, self.reattach)
        step.require_success(allowed=(0, 2))
        has_changes = step.result.exit_code == 2
        is_still = not (has_changes or step.drifted or step.unread_lines)
        return PlanOutcome(has_changes, step.summary, step.warnings, is_still)

    def apply(self, plan_file: Path, deadline_seconds: float) -> ApplyOutcome:
        """Carry out the saved plan.

        Raises:
            PlanStaleError: the state moved since the plan was made; nothing was changed.
            TerraformError, OperationCanceledError, OperationDeadlineError: it ended midway; the
                private state holds what was done.
        """
        step = self._run("apply", arguments.apply_arguments(plan_file), deadline_seconds)
        step.require_success()
        return ApplyOutcome(step.summary, step.warnings)

    def take_in(self, address: str, identifier: str, deadline_seconds: float) -> None:
        """Import one resource that exists into the private state; nothing in the cloud changes.

        Args:
            address: under which address; the configuration has it.
            identifier: by which the provider finds it.
            deadline_seconds: how long it may take.

        Raises:
            TerraformError: it is not there, cannot be imported, or the address is taken or unknown.
            OperationCanceledError, OperationDeadlineError: it did not end by itself.
        """
        argument_list = arguments.import_arguments(address, identifier)
        self._run("import", argument_list, deadline_seconds, self.reattach).require_success()

    def take_in_aside(self, address: str, identifier: str, deadline_seconds: float) -> None:
        """Import one resource under an address that the configuration does not have.

        Terraform imports into an empty block of its type, which is taken away again. A plan of a
        destroy then deletes it, as it does with all that only the state knows.

        Args:
            address: of the resource in the root module, for its type.
            identifier: by which the provider finds it.
            deadline_seconds: how long it may take.

        Raises:
            TerraformError: as ``take_in``.
            OperationCanceledError, OperationDeadlineError: it did not end by itself.
        """
        kind = address.partition(".")[0]
        name = "landform_" + hashlib.sha256(identifier.encode()).hexdigest()[:16]
        block = self.directory / f"{name}.tf"
        block.write_text(f'resource "{kind}" "{name}" {{}}\n', encoding="utf-8")
        try:
            # As the other files of the directory: to be read by the user that Terraform runs as.
            os.chown(block, -1, self.directory.stat().st_gid)
            block.chmod(0o640)
            self.take_in(f"{kind}.{name}", identifier, deadline_seconds)
        finally:
            block.unlink(missing_ok=True)

    def record(self, plan_file: Path, deadline_seconds: float) -> None:
        """Apply a saved plan that changes nothing but the state; a kept provider will do.

        Raises:
            TerraformError, OperationCanceledError, OperationDeadlineError: the private state holds
                what was recorded.
        """
        argument_list = arguments.apply_arguments(plan_file)
        self._run("apply", argument_list, deadline_seconds, self.reattach).require_success()

    def show_plan(
        self, plan_file: Path, deadline_seconds: float, destroys: StateFile | None = None
    ) -> Plan:
        """Read a saved plan, masked.

        Args:
            plan_file: the plan.
            deadline_seconds: how long it may take.
            destroys: of a destroy, the state that it was planned from.
        """
        _, data = self._capture_bytes(
            "show",
            arguments.show_plan_arguments(plan_file),
            deadline_seconds,
            reattach=self.reattach,
        )
        return Plan.parse(data, self.secrets, self.moving, self.agreement, destroys)

    def output(self, deadline_seconds: float) -> dict[str, OutputValue]:
        """Read the root outputs of the private state; sensitive ones in plain text."""
        _, document = self._capture("output", arguments.output_arguments(), deadline_seconds)
        return {
            name: OutputValue(item.get("value"), item.get("type"), bool(item.get("sensitive")))
            for name, item in document.items()
        }

    def events_path(self, step_name: str) -> Path:
        """Return the file that the event lines of a step are appended to."""
        return self.logs / f"{step_name}.jsonl"

    def _run(
        self,
        name: str,
        argument_list: list[str],
        deadline_seconds: float,
        reattach: str | None = None,
    ) -> Step:
        step = Step(name, self.logs / f"{name}.stderr", self.secrets, self.hooks.on_event)
        spec = self._spec(step, argument_list, self.events_path(name), deadline_seconds, reattach)
        step.result = run_process(spec, self._process_hooks(step.read_line, step.read_cut_line))
        return step

    def _capture(
        self,
        name: str,
        argument_list: list[str],
        deadline_seconds: float,
        allowed: tuple[int, ...] = (0,),
    ) -> tuple[Step, dict[str, Any]]:
        step, data = self._capture_bytes(name, argument_list, deadline_seconds, allowed)
        try:
            document = exact_json.loads(data)
        except ValueError:
            step.fail()
        if not isinstance(document, dict):
            step.fail()
        return step, document

    def _capture_bytes(
        self,
        name: str,
        argument_list: list[str],
        deadline_seconds: float,
        allowed: tuple[int, ...] = (0,),
        reattach: str | None = None,
    ) -> tuple[Step, bytes]:
        """Run a subcommand that prints one document, and keep no trace of the document."""
        step = Step(name, self.logs / f"{name}.stderr", self.secrets, self.hooks.on_event)
        capture = self.logs / f"{name}.capture"
        capture.unlink(missing_ok=True)
        try:
            spec = self._spec(step, argument_list, capture, deadline_seconds, reattach)
            step.result = run_process(spec, self._process_hooks(lambda line: None))
            step.require_success(allowed)
            if capture.stat().st_size > MAX_DOCUMENT_BYTES:
                raise TerraformError(f"The answer of terraform {name} is too large to read.")
            return step, capture.read_bytes()
        finally:
            capture.unlink(missing_ok=True)

    def _spec(
        self,
        step: Step,
        argument_list: list[str],
        stdout_path: Path,
        deadline_seconds: float,
        reattach: str | None,
    ) -> ProcessSpec:
        kept = {"TF_REATTACH_PROVIDERS": reattach} if reattach else {}
        return ProcessSpec(
            command=self.binary.command(argument_list, self.confinement),
            directory=self.directory,
            environment={**self.environment, **kept},
            stdout_path=stdout_path,
            stderr_path=step.stderr_path,
            deadline_seconds=deadline_seconds,
            grace_seconds=self.grace_seconds,
            inherited=self.inherited,
        )

    def _process_hooks(
        self,
        on_line: Callable[[str], None],
        on_cut_line: Callable[[str], None] = lambda head: None,
    ) -> ProcessHooks:
        return ProcessHooks(
            on_start=self.hooks.on_start,
            on_line=on_line,
            on_cut_line=on_cut_line,
            on_poll=self.hooks.on_poll,
            should_stop=self.hooks.should_stop,
            should_kill=self.hooks.should_kill,
            pause=self.hooks.pause,
        )
