"""Cloud accounts; credentials are taken, checked, and never shown."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from app.api import answers
from app.api.present import PREFIX
from app.api.requests import ApiBlueprint, expected_version, page_request, request_identity
from app.api.schemas import Answer, NoBody, PageQuery, Request, page_of
from app.clock import rfc3339
from app.domain.names import NAME_PATTERN, NAME_RULE
from app.models import CloudAccount
from app.services import cloud_accounts, idempotency
from app.services.access import Principal
from app.services.cloud_accounts import CloudAccountChange, NewCloudAccount
from app.services.context import Context
from app.services.idempotency import Answer as Kept
from app.web_context import current_context, current_principal

blueprint = ApiBlueprint("cloud-accounts", "Logins to clouds")

MAX_CREDENTIAL = 16 * 1024


def _name(**options: Any) -> fields.String:
    metadata = {"pattern": NAME_PATTERN, "description": NAME_RULE, "example": "practice"}
    return fields.String(metadata=metadata, **options)


def _credentials(**options: Any) -> fields.Dict:
    return fields.Dict(
        keys=fields.String(validate=validate.Length(max=64)),
        values=fields.String(validate=validate.Length(max=MAX_CREDENTIAL)),
        metadata={
            "description": "The fields that `GET /clouds` names; never shown again",
            "writeOnly": True,
            "example": {"endpoint": "http://127.0.0.1:8090/v1", "token": "a-token"},
        },
        **options,
    )


def _regions(**options: Any) -> Any:
    return fields.List(
        fields.String(validate=validate.Length(max=64)),
        validate=validate.Length(max=100),
        metadata={"description": "Allowed regions; none means all", "example": ["eu-west"]},
        **options,
    )


class NewCloudAccountBody(Request):
    """A new cloud account."""

    name = _name(required=True)
    cloud = fields.String(
        required=True, validate=validate.Length(max=64), metadata={"example": "sandbox"}
    )
    credentials = _credentials(required=True)
    regions = _regions(load_default=list)
    default_region = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Length(max=64),
        metadata={"example": "eu-west"},
    )


class CloudAccountChangeBody(Request):
    """What is wanted otherwise; credentials are given whole."""

    name = _name()
    credentials = _credentials()
    regions = _regions()
    default_region = fields.String(allow_none=True, validate=validate.Length(max=64))


class CheckView(Answer):
    """How the last check of the credentials went; ``passed`` is null if it cannot be told."""

    passed = fields.Boolean(required=True, allow_none=True)
    detail = fields.String(required=True)
    checked_at = fields.String(required=True, metadata={"format": "date-time"})


class CloudAccountView(Answer):
    """A cloud account."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    cloud = fields.String(required=True)
    regions = fields.List(fields.String(), required=True)
    default_region = fields.String(required=True, allow_none=True)
    check = fields.Nested(CheckView, required=True, allow_none=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})
    links = fields.Dict(keys=fields.String(), values=fields.String(), required=True)


@blueprint.route("/cloud-accounts")
class CloudAccounts(MethodView):
    """All cloud accounts."""

    @blueprint.doc(operationId="listCloudAccounts")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(CloudAccountView, "CloudAccountPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the cloud accounts"""
        ctx = current_context()
        with ctx.read() as session:
            found = cloud_accounts.list_cloud_accounts(session, page_request(query))
            return answers.page(found, lambda row: _present(ctx, row))

    @blueprint.doc(operationId="createCloudAccount")
    @blueprint.arguments(NewCloudAccountBody)
    @blueprint.response(201, CloudAccountView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a cloud account; needs cloud-account:manage

        The credentials are sealed and reach only the provider's environment.
        """
        wanted = NewCloudAccount(**body)

        def work(session: Session, ctx: Context, principal: Principal) -> answers.Created:
            row = cloud_accounts.create_cloud_account(ctx, session, principal, wanted)
            return answers.Created(_present(ctx, row), f"cloud-accounts/{row.id}", row.version)

        return answers.create(work)


@blueprint.route("/cloud-accounts/<account>")
class OneCloudAccount(MethodView):
    """One cloud account."""

    @blueprint.doc(operationId="getCloudAccount")
    @blueprint.response(200, CloudAccountView)
    def get(self, account: str) -> Response:
        """Show a cloud account by id or name"""
        ctx = current_context()
        with ctx.read() as session:
            return _single(ctx, cloud_accounts.cloud_account(session, account))

    @blueprint.doc(operationId="changeCloudAccount")
    @blueprint.arguments(CloudAccountChangeBody)
    @blueprint.response(200, CloudAccountView)
    def patch(self, body: dict[str, Any], account: str) -> Response:
        """Change a cloud account; needs cloud-account:manage

        New credentials hold from the next start of Terraform on and touch no stack.
        """
        ctx, version = current_context(), expected_version()
        is_cleared = "default_region" in body and body["default_region"] is None
        change = CloudAccountChange(**body, clears_default_region=is_cleared)
        with ctx.write() as session:
            row = cloud_accounts.change_cloud_account(
                ctx, session, current_principal(), account, change, version
            )
            return _single(ctx, row)

    @blueprint.doc(operationId="deleteCloudAccount")
    @blueprint.response(204)
    def delete(self, account: str) -> Response:
        """Delete a cloud account that no stack uses; needs cloud-account:manage"""
        ctx, version = current_context(), expected_version()
        with ctx.write() as session:
            cloud_accounts.delete_cloud_account(ctx, session, current_principal(), account, version)
        return Response(status=204)


@blueprint.route("/cloud-accounts/<account>/check")
class CheckCloudAccount(MethodView):
    """The proof of an account's credentials."""

    @blueprint.doc(operationId="checkCloudAccount")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, CloudAccountView)
    def post(self, _body: dict[str, Any], account: str) -> Response:
        """Ask the cloud whether it accepts the credentials; needs cloud-account:manage

        The answer is 200 also when it does not: ``check.passed`` says it.
        """
        ctx, principal = current_context(), current_principal()
        passed, detail = cloud_accounts.probe(ctx, principal, account)

        def work(session: Session) -> Kept:
            row = cloud_accounts.note_probe(session, principal, account, passed, detail)
            return Kept(200, _present(ctx, row), {"ETag": f'"{row.version}"'})

        return answers.respond(idempotency.carry_out(ctx, request_identity(), work))


def _single(ctx: Context, row: CloudAccount) -> Response:
    return answers.single(_present(ctx, row), str(row.version))


def _present(ctx: Context, row: CloudAccount) -> dict[str, Any]:
    offered = ctx.catalog.clouds.get(row.cloud)
    base = f"{PREFIX}/cloud-accounts/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "cloud": row.cloud,
        "regions": list(row.regions) or (list(offered.regions) if offered else []),
        "default_region": row.default_region or (offered.default_region if offered else None),
        "check": {
            "passed": row.check_passed,
            "detail": row.check_detail,
            "checked_at": rfc3339(row.checked_at),
        }
        if row.checked_at
        else None,
        "created_at": rfc3339(row.created_at),
        "links": {"self": base, "check": f"{base}/check"},
    }
