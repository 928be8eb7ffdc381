"""The audit trail."""

from app.console.audit import trail
