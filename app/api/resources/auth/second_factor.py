"""Confirm a session, and the caller's own second factor; closed to API tokens."""

from __future__ import annotations

from typing import Any, ClassVar

from flask import Response, jsonify
from flask.views import MethodView
from marshmallow import fields, validate

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.fields import timestamp
from app.api.http.schemas import CONDITIONAL, UNCONDITIONAL, NoBody, Request, ResponseSchema
from app.api.resources.auth.fields import TotpField
from app.api.resources.auth.sign_in import login_rate
from app.clock import rfc3339
from app.domain.password_rules import MAX_BYTES
from app.services.access import require_session
from app.services.identity import second_factors
from app.services.identity.confirmation import confirm_session
from app.web.context import current_context, current_principal, perform
from app.web.extensions import limiter

blueprint = ApiBlueprint("second-factor", "Confirm a session, and your second factor")


class ConfirmBody(Request):
    """The present password, and a code where there is a second factor."""

    password = fields.String(
        required=True,
        validate=validate.Length(min=1, max=MAX_BYTES),
        metadata={"format": "password", "writeOnly": True},
    )
    totp = TotpField()


class ConfirmedView(ResponseSchema):
    """Until when the session counts as confirmed."""

    confirmed_until = timestamp()


class SecondFactorView(ResponseSchema):
    """The state of the caller's second factor."""

    active = fields.Boolean(required=True, metadata={"description": "signing in takes a code"})
    pending = fields.Boolean(required=True, metadata={"description": "waits for its first code"})
    required = fields.Boolean(
        required=True, metadata={"description": "nothing else works until there is one"}
    )
    recovery_codes_left = fields.Integer(required=True)


class EnrolmentView(ResponseSchema):
    """What an authenticator app must be told; shown this once."""

    secret = fields.String(required=True, metadata={"description": "base32"})
    otpauth_uri = fields.String(
        required=True, metadata={"description": "what apps read from a QR code"}
    )


class ActivateBody(Request):
    """The first code of the authenticator app."""

    totp = TotpField(required=True)


class RecoveryCodesView(ResponseSchema):
    """Recovery codes for a lost authenticator app, each good once; shown this once."""

    recovery_codes = fields.List(fields.String(), required=True)


@blueprint.route("/auth/confirm")
class Confirm(MethodView):
    """Confirm the session."""

    decorators: ClassVar = [limiter.limit(login_rate)]

    @blueprint.doc(operationId="confirmSession")
    @blueprint.arguments(ConfirmBody)
    @blueprint.response(200, ConfirmedView)
    def post(self, body: dict[str, Any]) -> Response:
        """Confirm that it is you, with your present password, for what a session alone cannot do

        The error ``confirmation_required`` asks for it. It counts for this session alone, for
        LANDFORM_CONFIRMATION_SECONDS.
        """
        until = confirm_session(
            current_context(), current_principal(), body["password"], body.get("totp")
        )
        return jsonify(confirmed_until=rfc3339(until))


@blueprint.route("/auth/second-factor")
class SecondFactor(MethodView):
    """The own second factor."""

    @blueprint.doc(operationId="getSecondFactor", **CONDITIONAL)
    @blueprint.response(200, SecondFactorView)
    def get(self) -> Response:
        """Show whether signing in takes a code"""
        principal = current_principal()
        require_session(principal)
        with current_context().read() as session:
            found = second_factors.factor_status(session, principal.id)
        return responses.single(
            {
                "active": found.is_active,
                "pending": found.is_pending,
                "required": principal.needs_factor,
                "recovery_codes_left": found.recovery_codes_left,
            }
        )

    @blueprint.doc(operationId="beginSecondFactor")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, EnrolmentView)
    def post(self, _body: dict[str, Any]) -> Response:
        """Begin to set up a second factor; it counts once its first code was seen

        Needs a confirmed session. Beginning again makes another secret.
        """
        with perform() as work:
            found = second_factors.begin_enrolment(work)
        return jsonify(secret=found.secret, otpauth_uri=found.address)

    @blueprint.doc(operationId="removeSecondFactor", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self) -> Response:
        """Take your second factor away; needs a confirmed session"""
        with perform() as work:
            second_factors.remove_own(work)
        return Response(status=204)


@blueprint.route("/auth/second-factor/activate")
class Activation(MethodView):
    """The first code."""

    decorators: ClassVar = [limiter.limit(login_rate)]

    @blueprint.doc(operationId="activateSecondFactor")
    @blueprint.arguments(ActivateBody)
    @blueprint.response(200, RecoveryCodesView)
    def post(self, body: dict[str, Any]) -> Response:
        """Have the second factor count, with a first code of the app; your other sessions end"""
        codes = second_factors.activate(current_context(), current_principal(), body["totp"])
        return jsonify(recovery_codes=codes)


@blueprint.route("/auth/second-factor/recovery-codes")
class RecoveryCodes(MethodView):
    """The recovery codes."""

    @blueprint.doc(operationId="renewRecoveryCodes")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, RecoveryCodesView)
    def post(self, _body: dict[str, Any]) -> Response:
        """Make new recovery codes; the old ones are void. Needs a confirmed session"""
        with perform() as work:
            codes = second_factors.renew_recovery_codes(work)
        return jsonify(recovery_codes=codes)
