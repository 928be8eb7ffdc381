"""The agent of a host that has workers and no scheduler: ``python -m workers.agent``, one of them.

It says in SQL that the host lives, recovers what its workers left, and stops Terraform before a
lease ends. A scheduler does all of that for its own host.
"""

from __future__ import annotations

import signal
import sys
import threading
from types import FrameType

from app.domain.host_roles import HostRole
from app.errors import LandformError
from app.logs import get_logger, log_with_process
from app.services.installation.instances import end_instance, join_instance
from app.services.installation.schema_fit import require_fitting_schema
from app.services.installation.shared_locks import require_shared_locks
from app.tracing.setup import LAST_SPANS_SECONDS, serve_relay
from workers.duties import HOST_DUTIES, ROUND_SECONDS, DutyRoster
from workers.lease_watchdog import LeaseWatchdog
from workers.refusal import refuse
from workers.runtime import get_context

log = get_logger(__name__)


def main() -> int:
    """Do the duties of the host until SIGTERM or SIGINT; return the exit code."""
    stop = threading.Event()

    def ask_to_stop(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    try:
        ctx = get_context()
        require_fitting_schema(ctx)
        own = join_instance(ctx, HostRole.AGENT)
        require_shared_locks(ctx)
        traces = serve_relay(ctx.settings)
    except LandformError as error:
        return refuse(error)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    log_with_process(instance_id=own)
    log.info("agent_starts")
    LeaseWatchdog(ctx).start()
    roster = DutyRoster(ctx, HOST_DUTIES, tells=False)
    while not stop.wait(ROUND_SECONDS):
        roster.go_round()
    end_instance(ctx)
    if traces is not None:
        traces.close(LAST_SPANS_SECONDS)
    return 0


if __name__ == "__main__":
    sys.exit(main())
