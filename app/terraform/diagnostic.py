"""An error or a warning of Terraform, in words that are safe to store and show."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from app.domain.redaction import Redactor
from app.plain_text import cut, printable
from app.terraform.json_fields import object_at, text_at

SEARCHED_BYTES = 64 * 1024
MAX_SUMMARY_BYTES = 1024
MAX_DETAIL_BYTES = 14 * 1024
# What Terraform says when a provider died or hung up instead of answering (its ``grpcErr``).
NO_ANSWER = ("Plugin did not respond", "Plugin error", "Request cancelled")
# What providers say when the cloud was asked and its answer was lost on the way.
LOST_ANSWER = re.compile(
    r"closed connection|connection (?:reset|was closed|closed|aborted)|broken pipe|\bEOF\b"
    r"|time[d ]*out|deadline exceeded|cannot be reached|may exist without",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Diagnostic:
    """An error or a warning. The source snippet is left out on purpose: it can hold values."""

    severity: str
    summary: str
    detail: str
    address: str | None
    file: str | None
    line: int | None
    is_cut: bool = False

    @property
    def is_error(self) -> bool:
        """Whether it is an error rather than a warning."""
        return self.severity == "error"

    @property
    def is_unanswered(self) -> bool:
        """Whether no answer came, of the provider or of its cloud: nobody knows what was done."""
        is_lost = LOST_ANSWER.search(f"{self.summary} {self.detail}") is not None
        return self.is_error and (is_lost or self.summary.startswith(NO_ANSWER))

    def in_words(self) -> str:
        """Return summary, detail and place as one readable text."""
        text = f"{self.summary}: {self.detail}" if self.detail else self.summary
        place = self.address or (f"{self.file} line {self.line}" if self.file else None)
        return f"{text} ({place})" if place else text

    def redacted(self, redactor: Redactor) -> Diagnostic:
        """Return a copy without secrets in its words, printable and of bounded length."""
        summary, is_summary_cut = clean_text(self.summary, redactor, MAX_SUMMARY_BYTES)
        detail, is_detail_cut = clean_text(self.detail, redactor, MAX_DETAIL_BYTES)
        return replace(
            self,
            summary=summary,
            detail=detail,
            address=redactor.value(self.address),
            is_cut=self.is_cut or is_summary_cut or is_detail_cut,
        )

    def shortened(self, max_bytes: int) -> Diagnostic:
        """Return a copy whose detail has at most ``max_bytes``."""
        detail = cut(self.detail, max_bytes)
        return replace(self, detail=detail, is_cut=self.is_cut or detail != self.detail)

    def message(self) -> str:
        """Return all its words as a line of a log, as Terraform's own text output has them."""
        return f"{self.severity.capitalize()}: {self.in_words()}"

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Diagnostic:
        """Rebuild what ``to_dict`` made."""
        line = data.get("line")
        return cls(
            severity=str(data.get("severity", "error")),
            summary=str(data.get("summary", "")),
            detail=str(data.get("detail", "")),
            address=text_at(data, "address"),
            file=text_at(data, "file"),
            line=line if isinstance(line, int) else None,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def parse_diagnostic(data: Mapping[str, Any]) -> Diagnostic | None:
    """Read the ``diagnostic`` object of a line (also found in ``validate -json``)."""
    if not data:
        return None
    place = object_at(data, "range")
    line = object_at(place, "start").get("line")
    return Diagnostic(
        severity=str(data.get("severity", "error")),
        summary=str(data.get("summary", "")),
        detail=str(data.get("detail", "")),
        address=text_at(data, "address"),
        file=text_at(place, "filename"),
        line=line if isinstance(line, int) else None,
    )


def clean_text(text: str, redactor: Redactor, max_bytes: int) -> tuple[str, bool]:
    """Return ``text`` without secrets, printable, bounded; and whether something was cut off.

    Secrets are looked for in more than is kept: half of one at the end would not be found.
    """
    looked_at = cut(text, SEARCHED_BYTES)
    cleaned = printable(redactor.text(looked_at))
    kept = cut(cleaned, max_bytes)
    return kept, len(looked_at) < len(text) or len(kept) < len(cleaned)
