"""How a program of ``make run`` says that it cannot work: one sentence and exit status 2."""

from __future__ import annotations

import sys

from app.errors import ConfigurationError, LandformError
from app.terraform.terraform_errors import TerraformMissingError

REFUSED = 2
PREFIX = "landform: "


def refuse(error: LandformError) -> int:
    """Say on standard error what is wrong and what to do, and return the exit status."""
    # These two say in their detail what to do; the others in their advice.
    says_all = isinstance(error, ConfigurationError | TerraformMissingError)
    sentence = error.detail if says_all else f"{error.detail} {error.advice}"
    sys.stderr.write(f"{PREFIX}{sentence}\n")
    return REFUSED
