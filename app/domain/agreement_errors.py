"""What cannot go on because nobody can tell any more what was agreed about a stack."""

from __future__ import annotations

from app.errors import ConflictError


class AgreementUnreadableError(ConflictError):
    """It is sealed, and does not open; ``detail`` says whose and why."""

    code = "agreement_unreadable"
    title = "What was agreed about the stack cannot be read"
    advice = (
        "List the missing key in LANDFORM_ENCRYPTION_KEYS again and restart. Is it lost, or the "
        "record damaged, run landform admin agreements forget: the recorded state counts as agreed "
        "then."
    )
