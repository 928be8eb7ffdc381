"""How the command ends: its exit statuses, which docs/cli.md lists for scripts."""

from __future__ import annotations

DONE = 0
NOT_SO = 1
"""An operation did not end well, manifests differ, or there is drift."""
USAGE = 2
"""The command line, a profile or a manifest is wrong; nothing was sent."""
REFUSED = 3
"""Landform refused a request."""
NOT_SIGNED_IN = 4
AWAITS_APPROVAL = 5
LATE = 6
"""The operation goes on; waiting for it took too long."""
UNREACHABLE = 7
INTERRUPTED = 130


class UsageError(Exception):
    """What was asked for makes no sense, said in one sentence; nothing was sent."""
