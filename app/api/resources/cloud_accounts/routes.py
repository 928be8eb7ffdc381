"""Cloud accounts; credentials are taken, checked, and never shown."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from sqlalchemy.orm import Session

from app.api.http import responses
from app.api.http.blueprint import PREFIX, ApiBlueprint
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import NoBody, PageQuery, page_of
from app.api.resources.cloud_accounts.schemas import (
    CloudAccountChangeBody,
    CloudAccountView,
    NewCloudAccountBody,
)
from app.clock import rfc3339
from app.models import CloudAccount
from app.services.access import Principal
from app.services.cloud_accounts import accounts as cloud_accounts
from app.services.cloud_accounts import checks
from app.services.cloud_accounts.accounts import CloudAccountChange, NewCloudAccount
from app.services.cloud_accounts.grants import ALL, Grants, read_grants
from app.services.context import Context
from app.services.idempotency import Reply
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("cloud-accounts", "Logins to clouds")


@blueprint.route("/cloud-accounts")
class CloudAccounts(MethodView):
    """All cloud accounts."""

    @blueprint.doc(operationId="listCloudAccounts")
    @blueprint.arguments(PageQuery, location="query")
    @blueprint.response(200, page_of(CloudAccountView, "CloudAccountPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the cloud accounts of one's projects; all for cloud-account:manage"""
        ctx = current_context()
        with ctx.read() as session:
            principal = current_principal()
            found = cloud_accounts.list_cloud_accounts(session, principal, page_request(query))
            granted = read_grants(session, principal, found.items)
            return responses.page(found, lambda row: _present(ctx, row, granted[row.id]))

    @blueprint.doc(operationId="createCloudAccount")
    @blueprint.arguments(NewCloudAccountBody)
    @blueprint.response(201, CloudAccountView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a cloud account; needs cloud-account:manage

        The credentials are sealed and reach only the provider's environment. Without ``projects``
        nobody can use the account yet.
        """
        wanted = NewCloudAccount(**body)

        def act(work: Work) -> responses.Created:
            row = cloud_accounts.create_cloud_account(work, wanted)
            shown = _present_one(work.ctx, work.session, work.principal, row)
            return responses.Created(shown, f"cloud-accounts/{row.id}", row.version)

        return responses.create(act)


@blueprint.route("/cloud-accounts/<account>")
class OneCloudAccount(MethodView):
    """One cloud account."""

    @blueprint.doc(operationId="getCloudAccount")
    @blueprint.response(200, CloudAccountView)
    def get(self, account: str) -> Response:
        """Show a cloud account by id or name"""
        ctx = current_context()
        with ctx.read() as session:
            principal = current_principal()
            row = cloud_accounts.cloud_account(session, principal, account)
            return _single(ctx, session, principal, row)

    @blueprint.doc(operationId="changeCloudAccount")
    @blueprint.arguments(CloudAccountChangeBody)
    @blueprint.response(200, CloudAccountView)
    def patch(self, body: dict[str, Any], account: str) -> Response:
        """Change a cloud account; needs cloud-account:manage

        New credentials hold from the next start of Terraform on and touch no stack. ``projects``
        replaces those that may use it; one whose stacks live on it cannot lose it.
        """
        version = expected_version()
        is_cleared = "default_region" in body and body["default_region"] is None
        change = CloudAccountChange(**body, clears_default_region=is_cleared)
        with perform() as work:
            row = cloud_accounts.change_cloud_account(work, account, change, version)
            return _single(work.ctx, work.session, work.principal, row)

    @blueprint.doc(operationId="deleteCloudAccount")
    @blueprint.response(204)
    def delete(self, account: str) -> Response:
        """Delete a cloud account that no stack uses; needs cloud-account:manage"""
        version = expected_version()
        with perform() as work:
            cloud_accounts.delete_cloud_account(work, account, version)
        return Response(status=204)


@blueprint.route("/cloud-accounts/<account>/check")
class CheckCloudAccount(MethodView):
    """The check of an account's credentials."""

    @blueprint.doc(operationId="checkCloudAccount")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, CloudAccountView)
    def post(self, _body: dict[str, Any], account: str) -> Response:
        """Ask the cloud whether it accepts the credentials; needs cloud-account:manage

        The answer is 200 also when it does not: ``check.passed`` says it.
        """
        ctx, principal = current_context(), current_principal()
        passed, detail = checks.probe(ctx, principal, account)

        def act(work: Work) -> Reply:
            row = checks.note_probe(work, account, passed, detail)
            shown = _present_one(work.ctx, work.session, work.principal, row)
            return Reply(200, shown, {"ETag": f'"{row.version}"'})

        return responses.perform_once(act)


def _single(ctx: Context, session: Session, principal: Principal, row: CloudAccount) -> Response:
    return responses.single(_present_one(ctx, session, principal, row), row.version)


def _present_one(
    ctx: Context, session: Session, principal: Principal, row: CloudAccount
) -> dict[str, Any]:
    return _present(ctx, row, read_grants(session, principal, [row])[row.id])


def _present(ctx: Context, row: CloudAccount, grants: Grants) -> dict[str, Any]:
    offered = ctx.catalog.clouds.get(row.cloud)
    base = f"{PREFIX}/cloud-accounts/{row.id}"
    return {
        "id": row.id,
        "name": row.name,
        "cloud": row.cloud,
        "regions": list(row.regions) or (list(offered.regions) if offered else []),
        "default_region": row.default_region or (offered.default_region if offered else None),
        "projects": ALL if grants.is_all else list(grants.projects),
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
