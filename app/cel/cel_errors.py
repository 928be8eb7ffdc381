"""The error of evaluating rules at all; what is wrong with one rule is in its answer."""

from __future__ import annotations

from app.errors import LandformError


class RulesUnavailableError(LandformError):
    """Policies cannot be evaluated on this machine."""

    code = "policy_unavailable"
    title = "Policies cannot be evaluated"
    advice = "Install what requirements.txt names (make install), then ask again."
