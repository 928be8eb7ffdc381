"""How the periodic duties of the maintenance loop are: kept in SQL, read by health and metrics.

A duty that fails is tried again and must not keep the others from being done. So that nobody has
to read a log to learn of it, each tells when it last succeeded and what its last error was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from app.clock import utc_now
from app.models import InstallationFact
from app.services.context import Context

DUTIES = "maintenance_duties"
FAILING_AFTER = timedelta(seconds=60)
"""One failure may be an accident; a duty that fails for so long is not done."""

MAX_ERROR = 500


@dataclass(frozen=True)
class DutyReport:
    """How one duty is. Times are seconds since 1970, as Prometheus has them.

    Args:
        name: of the duty, such as ``recover_operations``.
        succeeded_at: when it was last done; None when it never was.
        failing_since: since when each attempt has failed; None when the last one did not.
        error: what the last failure was.
    """

    name: str
    succeeded_at: float | None = None
    failing_since: float | None = None
    error: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether it has not been done for a while although it was tried."""
        if self.failing_since is None:
            return False
        return utc_now().timestamp() - self.failing_since > FAILING_AFTER.total_seconds()


def record_duties(ctx: Context, reports: Sequence[DutyReport]) -> None:
    """Keep how the duties are, for readers in other processes."""
    value: dict[str, Any] = {
        report.name: {**asdict(report), "error": report.error and report.error[:MAX_ERROR]}
        for report in reports
    }
    with ctx.write() as session:
        session.merge(InstallationFact(name=DUTIES, value=value, updated_at=utc_now()))


def read_duties(ctx: Context) -> list[DutyReport]:
    """Return how the duties are, by name; none before the maintenance loop has begun."""
    with ctx.read() as session:
        fact = session.get(InstallationFact, DUTIES)
    return [DutyReport(**report) for _, report in sorted((fact.value if fact else {}).items())]
