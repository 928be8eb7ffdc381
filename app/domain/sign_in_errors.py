"""The errors of signing in beyond a wrong password: a part of the tree in ``app.errors``."""

from __future__ import annotations

from app.errors import AuthenticationError, ConflictError, PermissionDeniedError


class ConfirmationRequiredError(PermissionDeniedError):
    """The act takes a person whose password was checked a moment ago."""

    code = "confirmation_required"
    title = "Confirm that it is you"
    advice = (
        "In a session, send your present password to POST /api/v1/auth/confirm, then send the "
        "request again."
    )


class TotpRequiredError(AuthenticationError):
    """The password is right, and the account has a second factor."""

    code = "totp_required"
    title = "A code of your second factor is needed"
    advice = (
        "Send the code of your authenticator app, or a recovery code, as totp: with name and "
        "password again, or with the challenge in context to POST /api/v1/auth/login/totp."
    )


class SecondFactorRequiredError(PermissionDeniedError):
    """A rule of this Landform demands a second factor that the account does not have yet."""

    code = "second_factor_required"
    title = "Your account needs a second factor first"
    advice = (
        "Set one up with POST /api/v1/auth/second-factor, or in the console under Your account."
    )


class AnswerNotKeptError(ConflictError):
    """An Idempotency-Key of an earlier release, whose answer cannot be given again."""

    code = "answer_not_kept"
    title = "The first answer is not kept any more"
    advice = "The request was carried out. Read what it made instead of sending it again."
