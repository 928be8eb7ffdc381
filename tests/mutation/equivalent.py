"""Mutants that no test can notice, each with its reason: they do what the module does.

Known again by module, change and the text that is changed, so that other lines may move.
"""

from __future__ import annotations

EQUIVALENT: dict[tuple[str, str, str], str] = {
    ("app/domain/drift_severity.py", "Gt to GtE", "one > other"): (
        "What has changed has two values that differ, so neither is compared with itself."
    ),
}
