"""The workers: who is there, what waits for them, and what one may safely do about it."""

from __future__ import annotations

from flask import render_template, url_for
from werkzeug.wrappers import Response

from app.console.shell.confirmation import Confirmation, ask, refuse_or_perform
from app.console.shell.notices import go_with_notice
from app.console.shell.pages import pages
from app.console.workers.read import read_workers_page
from app.domain.plain_words import counted
from app.services.installation.hosts import WARNING, declare_gone, drain, end_drain, host_by_id
from app.services.installation.workers import forget_failed_jobs, requeue_waiting
from app.services.queue.footprints import forget_footprints
from app.services.work import perform
from app.web.context import current_context, current_principal


@pages.get("/workers")
def show_workers() -> str:
    """Show workers, queues, leases, the scheduler and failed jobs."""
    page = read_workers_page(current_context(), current_principal())
    return render_template("workers/index.html", page=page)


@pages.post("/workers/requeue")
def requeue_operations() -> Response:
    """Notify workers of what may start and waits in no queue."""
    count = requeue_waiting(current_context(), current_principal())
    return go_with_notice("requeued" if count else "nothing-to-requeue", "console.show_workers")


@pages.get("/workers/hosts/<instance_id>/gone")
def confirm_gone(instance_id: str) -> str:
    """Say what it means that a host is gone, and ask for its name."""
    return ask(_question(instance_id))


@pages.post("/workers/hosts/<instance_id>/gone")
def declare_host_gone(instance_id: str) -> Response | tuple[str, int]:
    """Have others take over what a host holds, if its name was typed."""
    return refuse_or_perform(
        _question(instance_id), lambda work: declare_gone(work, instance_id)
    ) or go_with_notice("host-gone", "console.show_workers")


@pages.post("/workers/hosts/<instance_id>/drain")
def drain_host(instance_id: str) -> Response:
    """Have a host take nothing new."""
    with perform(current_context(), current_principal()) as work:
        drain(work, instance_id)
    return go_with_notice("host-drained", "console.show_workers")


@pages.post("/workers/hosts/<instance_id>/undrain")
def end_drain_of_host(instance_id: str) -> Response:
    """Let a host take work again."""
    with perform(current_context(), current_principal()) as work:
        end_drain(work, instance_id)
    return go_with_notice("host-undrained", "console.show_workers")


def _question(instance_id: str) -> Confirmation:
    with current_context().read() as session:
        host = host_by_id(session, current_principal(), instance_id)
    held = counted(host.held, "operation")
    return Confirmation(
        section="workers",
        title=f"Is {host.row.name} gone?",
        lead="Other hosts take over immediately, without waiting for its leases to end.",
        verb="Declare host gone",
        name=host.row.name,
        losses=(
            f"{held}: plans are queued again, applies end as interrupted.",
            WARNING,
        ),
        target=url_for("console.declare_host_gone", instance_id=instance_id),
        back=url_for("console.show_workers"),
    )


@pages.post("/workers/memory/forget")
def forget_learned_memory() -> Response:
    """Forget what operations took, so that the declared figures count again."""
    with perform(current_context(), current_principal()) as work:
        forget_footprints(work)
    return go_with_notice("memory-forgotten", "console.show_workers")


@pages.post("/workers/failed/forget")
def forget_failures() -> Response:
    """Delete the records of failed jobs."""
    forget_failed_jobs(current_context(), current_principal())
    return go_with_notice("failures-forgotten", "console.show_workers")
