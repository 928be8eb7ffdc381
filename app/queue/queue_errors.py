"""What can be wrong with the queue."""

from __future__ import annotations

from app.errors import UnavailableError


class QueueError(UnavailableError):
    code = "queue_unavailable"
    title = "Redis takes no work"
    advice = "Check Redis: its memory, its disk and its role. What was accepted waits and is kept."
