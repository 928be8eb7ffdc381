"""Exceptions from policies."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import page_request
from app.api.http.schemas import UNCONDITIONAL, page_of
from app.api.resources.policies.presenter import present_override
from app.api.resources.policies.schemas import NewOverrideBody, OverrideView, PolicySetQuery
from app.services.policies import overrides
from app.services.policies.overrides import NewOverride
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("policy-overrides", "Exceptions from policies")


@blueprint.route("/policy-overrides")
class Overrides(MethodView):
    """All exceptions."""

    @blueprint.doc(operationId="listPolicyOverrides")
    @blueprint.arguments(PolicySetQuery, location="query")
    @blueprint.response(200, page_of(OverrideView, "PolicyOverridePage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the exceptions of your projects, ended ones too, newest first"""
        page = page_request(query)
        with current_context().read() as session:
            found = overrides.list_overrides(session, current_principal(), page)
            return responses.page(found, present_override)

    @blueprint.doc(operationId="createPolicyOverride")
    @blueprint.arguments(NewOverrideBody)
    @blueprint.response(201, OverrideView)
    def post(self, body: dict[str, Any]) -> Response:
        """Allow for a while what a policy denies; needs policy:override

        It holds for the stacks of a project, or for one of them, at most 90 days.
        """
        wanted = NewOverride(**body)

        def act(work: Work) -> responses.Created:
            row = overrides.create_override(work, wanted)
            return responses.Created(present_override(row), f"policy-overrides/{row.id}")

        return responses.create(act)


@blueprint.route("/policy-overrides/<override_id>")
class OneOverride(MethodView):
    """One exception."""

    @blueprint.doc(operationId="deletePolicyOverride", **UNCONDITIONAL)
    @blueprint.response(204)
    def delete(self, override_id: str) -> Response:
        """End an exception now; needs policy:override"""
        with perform() as work:
            overrides.delete_override(work, override_id)
        return Response(status=204)
