"""Cloud accounts; credentials are never shown."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView
from marshmallow import fields

from app.api import answers
from app.api.requests import ApiBlueprint, page_request
from app.api.schemas import CONDITIONAL, Answer, PageQuery, page_of
from app.clock import rfc3339
from app.models import CloudAccount
from app.services import cloud_accounts
from app.web_context import current_context

blueprint = ApiBlueprint("cloud-accounts", "Logins to clouds")


class CloudAccountView(Answer):
    """A cloud account."""

    id = fields.String(required=True)
    name = fields.String(required=True)
    cloud = fields.String(required=True)
    regions = fields.List(fields.String(), required=True)
    default_region = fields.String(required=True, allow_none=True)
    created_at = fields.String(required=True, metadata={"format": "date-time"})


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
            return answers.page(found, _present)


@blueprint.route("/cloud-accounts/<account>")
class OneCloudAccount(MethodView):
    """One cloud account."""

    @blueprint.doc(operationId="getCloudAccount", **CONDITIONAL)
    @blueprint.response(200, CloudAccountView)
    def get(self, account: str) -> Response:
        """Show a cloud account by id or name"""
        with current_context().read() as session:
            found = cloud_accounts.cloud_account(session, account)
            return answers.single(_present(found))


def _present(row: CloudAccount) -> dict[str, Any]:
    offered = current_context().catalog.clouds.get(row.cloud)
    return {
        "id": row.id,
        "name": row.name,
        "cloud": row.cloud,
        "regions": list(row.regions) or (list(offered.regions) if offered else []),
        "default_region": row.default_region or (offered.default_region if offered else None),
        "created_at": rfc3339(row.created_at),
    }
