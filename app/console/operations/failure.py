"""What a failure probably means, in plain words: told from what Terraform and the cloud said.

Owns no rule of the engine: an error that is not recognised here is shown as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FailureCause:
    """A cause and what usually fixes it."""

    text: str
    remedy: str


# The first that fits wins, so what is told by a word of its own comes before what is told by many.
CAUSES: tuple[tuple[re.Pattern[str], FailureCause], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), FailureCause(text, remedy))
    for pattern, text, remedy in (
        (
            r"quota|limit ?exceeded|insufficient ?(instance ?)?capacity",
            "The cloud account has reached a quota or limit.",
            "Free resources or request a higher quota, then try again.",
        ),
        (
            r"throttl|rate ?limit|too many requests|\b429\b",
            "The cloud API rejected the request: rate limit exceeded.",
            "Wait a few minutes, then try again.",
        ),
        (
            r"unauthori[sz]ed|\b401\b|(invalid|expired) ?(client ?)?(token|credential)",
            "The cloud did not accept the credentials of the cloud account.",
            "Give the cloud account valid credentials, check it, then try again.",
        ),
        (
            r"access ?denied|forbidden|\b403\b|not authorized|permission denied",
            "The credentials of the cloud account do not allow this.",
            "Grant the missing permission in the cloud, then try again.",
        ),
        (
            r"already exists|already in use|duplicate|bucketalreadyowned|\bconflicts? with\b",
            "A resource with this name or address already exists in the cloud.",
            "Choose another name or adopt the existing resource, then try again.",
        ),
        (
            r"timed? ?out|deadline exceeded|connection (refused|reset)|no such host|unreachable",
            "The cloud could not be reached, or did not answer in time.",
            "Check the status of the cloud, then try again.",
        ),
    )
)


def cause_of(error: Mapping[str, Any]) -> FailureCause | None:
    """Return the cause that an operation's error tells, if it is one of the usual ones."""
    told = [str(error.get("detail", ""))]
    for item in error.get("diagnostics") or ():
        told += [str(item.get("summary", "")), str(item.get("detail", ""))]
    text = "\n".join(told)
    return next((cause for pattern, cause in CAUSES if pattern.search(text)), None)
