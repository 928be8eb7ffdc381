"""Fields of passwords and codes."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from app.domain.password_rules import MAX_BYTES, MIN_LENGTH


class TotpField(fields.String):
    """A code of a second factor."""

    def __init__(self, **options: Any) -> None:
        """Describe it."""
        description = "Six digits of the authenticator app, or a recovery code"
        super().__init__(
            validate=validate.Length(min=1, max=64),
            metadata={"writeOnly": True, "description": description, "example": "123456"},
            **options,
        )


def new_password(**options: Any) -> fields.String:
    """Return the field of a password that a person chooses."""
    description = f"At least {MIN_LENGTH} characters, not easy to guess, without the user name"
    return fields.String(
        validate=validate.Length(min=1, max=MAX_BYTES),
        metadata={"format": "password", "writeOnly": True, "description": description},
        **options,
    )
