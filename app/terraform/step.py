"""One subcommand while it runs, and the judgement of how it ended.

Owns which lines may be passed on, and the translation of exit codes, signals and diagnostics into
domain errors. It starts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NoReturn

from app.domain.operation_errors import OperationCanceledError, OperationDeadlineError
from app.domain.redaction import Redactor
from app.errors import LandformError
from app.terraform.diagnostic import Diagnostic
from app.terraform.events import ChangeSummary, Event, parse_cut_line, parse_event
from app.terraform.output_budget import OutputBudget
from app.terraform.process import ProcessResult, StopReason
from app.terraform.terraform_errors import PlanStaleError, TerraformError

MAX_DIAGNOSTICS = 50
STDERR_TAIL_BYTES = 4000
MAX_LISTED_BYTES = 1000
MAX_DIAGNOSTICS_BYTES = 8000
"""Details of all diagnostics together, in the error of an operation."""
PRINTED = '"type":"provision_progress"'
"""What a program of a module printed. In its own words each of these quotes has a backslash."""

STALE_SUMMARIES = ("Saved plan is stale", "Saved plan does not match the given state")
# Said beside the real cause; the second by Terraform 1.15, before it, OpenTofu by its own name.
CONSEQUENCES = (
    "execution halted",
    "Terraform encountered problems during initialisation",
    "OpenTofu encountered problems during initialisation",
)


class Step:
    """One subcommand while it runs, and the judgement of its end."""

    result: ProcessResult

    def __init__(
        self,
        name: str,
        stderr_path: Path,
        secrets: Collection[str],
        on_event: Callable[[Event], None],
    ) -> None:
        self.name = name
        self.stderr_path = stderr_path
        self.diagnostics: list[Diagnostic] = []
        self.summary: ChangeSummary | None = None
        self.withheld_lines = 0
        self.drifted = 0
        self._redactor = Redactor(secrets)
        self._budget = OutputBudget()
        self._on_event = on_event

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """Diagnostics that are no errors."""
        return tuple(item for item in self.diagnostics if not item.is_error)

    @property
    def unread_lines(self) -> int:
        """How many lines were withheld, or too long to be read."""
        return self.withheld_lines + self.result.skipped_lines

    def read_line(self, line: str) -> None:
        """Pass an event on; withhold everything else, which may be the raw state."""
        if self._budget.is_spent and PRINTED in line:
            return  # a flood is not even parsed: that takes longer than printing it
        parsed = parse_event(line)
        if parsed is None:
            self.withheld_lines += bool(line.strip())
            return
        self._pass_on(parsed, len(line))

    def read_cut_line(self, head: str) -> None:
        """Pass on what the beginning of a line says that is too long to be read whole."""
        parsed = parse_cut_line(head)
        if parsed is not None:
            self._pass_on(parsed, len(head))

    def _pass_on(self, parsed: Event, size_bytes: int) -> None:
        was_spent = self._budget.is_spent
        if not self._budget.admits(parsed, size_bytes):
            return
        if self._budget.is_spent and not was_spent:
            self._on_event(self._budget.last_words())
        event = parsed.redacted(self._redactor)
        if event.diagnostic is not None and len(self.diagnostics) < MAX_DIAGNOSTICS:
            self.diagnostics.append(event.diagnostic)
        if event.summary is not None:
            self.summary = event.summary
        self.drifted += event.type == "resource_drift"
        self._on_event(event)

    def require_success(self, allowed: tuple[int, ...] = (0,)) -> None:
        """Return when the exit code is an answer; a stop that came too late is a success."""
        if self.result.exit_code not in allowed:
            self.fail()

    def fail(self) -> NoReturn:
        """Raise the domain error that says why the step did not succeed."""
        raise self._error()

    def _error(self) -> LandformError:
        # Those of ``validate`` have not come through an event.
        diagnostics = [item.redacted(self._redactor) for item in self.diagnostics]
        first = _first_error(diagnostics)
        context = {
            "step": self.name,
            "exit_code": self.result.exit_code,
            "was_killed": self.result.was_killed,
            "withheld_lines": self.withheld_lines,
            "diagnostics": _list_diagnostics(diagnostics),
        }
        how = "had to be killed" if self.result.was_killed else "stopped in good order"
        if self.result.stop_reason is StopReason.CANCELED:
            detail = f"terraform {self.name} was canceled and {how}."
            return OperationCanceledError(detail, context=context)
        if self.result.stop_reason is StopReason.DEADLINE:
            detail = f"terraform {self.name} did not end before its deadline and {how}."
            return OperationDeadlineError(detail, context=context)
        if first is None:
            return TerraformError(self._end_in_words(), context=context)
        if first.is_cut:
            context["is_cut"] = True
        stale = first.summary.startswith(STALE_SUMMARIES)
        return (PlanStaleError if stale else TerraformError)(first.in_words(), context=context)

    def _end_in_words(self) -> str:
        """Say how it ended when there is no diagnostic: by signal, or with words on stderr."""
        code = self.result.exit_code
        if code < 0:
            return f"terraform {self.name} was ended by signal {-code} from outside Landform."
        words = " ".join(self._redactor.text(self._stderr_tail()).split())
        if words:
            return words
        if self.unread_lines:
            return (
                f"terraform {self.name} ended with code {code}; {self.unread_lines} lines of its "
                "output were withheld, as they may hold the state or were too long to be read."
            )
        return f"terraform {self.name} ended with code {code} and said nothing."

    def _stderr_tail(self) -> str:
        with self.stderr_path.open("rb") as file:
            file.seek(max(0, self.stderr_path.stat().st_size - STDERR_TAIL_BYTES))
            return file.read().decode("utf-8", errors="replace")


def _first_error(diagnostics: Sequence[Diagnostic]) -> Diagnostic | None:
    errors = [item for item in diagnostics if item.is_error]
    causes = [item for item in errors if not item.summary.startswith(CONSEQUENCES)]
    return next(iter([*causes, *errors]), None)


def _list_diagnostics(diagnostics: Sequence[Diagnostic]) -> list[dict[str, Any]]:
    """Return them for the error of an operation, which tells the first one whole already."""
    room = MAX_DIAGNOSTICS_BYTES
    listed = []
    for item in diagnostics:
        short = item.shortened(max(0, min(MAX_LISTED_BYTES, room)))
        room -= len(short.detail.encode())
        listed.append(short.to_dict())
    return listed
