"""Sets of policies: kept, checked, tried on history."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response
from flask.views import MethodView

from app.api.http import responses
from app.api.http.blueprint import ApiBlueprint
from app.api.http.requests import expected_version, page_request
from app.api.http.schemas import CONDITIONAL, NoBody, page_of
from app.api.resources.policies.presenter import (
    present_dry_run,
    present_outcomes,
    present_pack,
    present_set,
    present_version,
)
from app.api.resources.policies.schemas import (
    DryRunBody,
    DryRunView,
    NewPolicySetBody,
    PolicyCheckBody,
    PolicyCheckView,
    PolicyPackList,
    PolicySetChangeBody,
    PolicySetQuery,
    PolicySetVersionView,
    PolicySetView,
)
from app.catalog.policy_packs import load_packs
from app.services.access import require_service
from app.services.idempotency import Reply
from app.services.policies import history, sets
from app.services.policies.checks import CaseOutcome
from app.services.policies.sets import NewPolicySet, PolicySetChange
from app.services.work import Work
from app.web.context import current_context, current_principal, perform

blueprint = ApiBlueprint("policies", "Policies: what must hold before something is changed")


@blueprint.route("/policies")
class PolicySets(MethodView):
    """All sets."""

    @blueprint.doc(operationId="listPolicySets")
    @blueprint.arguments(PolicySetQuery, location="query")
    @blueprint.response(200, page_of(PolicySetView, "PolicySetPage"))
    def get(self, query: dict[str, Any]) -> Response:
        """List the sets of policies"""
        page, principal = page_request(query), current_principal()
        with current_context().read() as session:
            found = sets.list_policy_sets(session, page)
            return responses.page(found, lambda row: present_set(session, principal, row))

    @blueprint.doc(operationId="createPolicySet")
    @blueprint.arguments(NewPolicySetBody)
    @blueprint.response(201, PolicySetView)
    def post(self, body: dict[str, Any]) -> Response:
        """Make a set of policies, after its test cases were run; needs policy:write"""
        wanted = NewPolicySet(**body)

        def act(work: Work) -> responses.Created:
            row = sets.create_policy_set(work, wanted)
            shown = present_set(work.session, work.principal, row)
            return responses.Created(shown, f"policies/{row.id}", row.version)

        return responses.create(act)


@blueprint.route("/policies/<policy_set>")
class OnePolicySet(MethodView):
    """One set, by id or name."""

    @blueprint.doc(operationId="getPolicySet")
    @blueprint.response(200, PolicySetView)
    def get(self, policy_set: str) -> Response:
        """Show a set of policies"""
        principal = current_principal()
        with current_context().read() as session:
            row = sets.policy_set_by_id(session, policy_set)
            return responses.single(present_set(session, principal, row), row.version)

    @blueprint.doc(operationId="changePolicySet")
    @blueprint.arguments(PolicySetChangeBody)
    @blueprint.response(200, PolicySetView)
    def patch(self, body: dict[str, Any], policy_set: str) -> Response:
        """Change a set; makes a new version of it; needs policy:write"""
        version = expected_version()
        with perform() as work:
            row = sets.change_policy_set(work, policy_set, PolicySetChange(**body), version)
            return responses.single(present_set(work.session, work.principal, row), row.version)

    @blueprint.doc(operationId="deletePolicySet")
    @blueprint.response(204)
    def delete(self, policy_set: str) -> Response:
        """Delete a set with its versions and exceptions; needs policy:write"""
        version = expected_version()
        with perform() as work:
            sets.delete_policy_set(work, policy_set, version)
        return Response(status=204)


@blueprint.route("/policies/<policy_set>/versions")
class PolicySetVersions(MethodView):
    """What a set was."""

    @blueprint.doc(operationId="listPolicySetVersions")
    @blueprint.arguments(PolicySetQuery, location="query")
    @blueprint.response(200, page_of(PolicySetVersionView, "PolicySetVersionPage"))
    def get(self, query: dict[str, Any], policy_set: str) -> Response:
        """List the versions of a set, newest first"""
        page, principal = page_request(query), current_principal()
        with current_context().read() as session:
            found = sets.list_versions(session, policy_set, page)
            return responses.page(found, lambda row: present_version(session, principal, row))


@blueprint.route("/policies/<policy_set>/test")
class TestPolicySet(MethodView):
    """The test cases of a set."""

    @blueprint.doc(operationId="testPolicySet")
    @blueprint.arguments(NoBody, required=False)
    @blueprint.response(200, PolicyCheckView)
    def post(self, _body: dict[str, Any], policy_set: str) -> Response:
        """Run the test cases of a set with the catalog as it is now; needs policy:write"""
        ctx, principal = current_context(), current_principal()

        def examine() -> list[CaseOutcome]:
            require_service(principal, sets.RIGHT)
            with ctx.read() as session:
                row = sets.policy_set_by_id(session, policy_set)
                return sets.run_test_cases(ctx, session, row.policies)

        return _answer_outcomes(examine)


@blueprint.route("/policies/<policy_set>/dry-run")
class DryRunPolicySet(MethodView):
    """What a set would have said."""

    @blueprint.doc(operationId="dryRunPolicySet")
    @blueprint.arguments(DryRunBody)
    @blueprint.response(200, DryRunView)
    def post(self, body: dict[str, Any], policy_set: str) -> Response:
        """Say what a set, enabled or not, would have said of past plans; needs policy:write

        The newest 200 plans are looked at. Facts of a stack are those of today.
        """
        ctx, principal = current_context(), current_principal()

        def examine() -> dict[str, Any]:
            with ctx.read() as session:
                found = history.dry_run(ctx, session, principal, policy_set, body["days"])
                return present_dry_run(found)

        found = responses.examine_first(examine)
        return responses.perform_once(lambda _work: Reply(200, found()))


@blueprint.route("/policy-checks")
class PolicyChecks(MethodView):
    """Policies that are not kept yet."""

    @blueprint.doc(operationId="checkPolicies")
    @blueprint.arguments(PolicyCheckBody)
    @blueprint.response(200, PolicyCheckView)
    def post(self, body: dict[str, Any]) -> Response:
        """Check policies and run their test cases without keeping them; needs policy:write"""
        ctx, principal = current_context(), current_principal()

        def examine() -> list[CaseOutcome]:
            require_service(principal, sets.RIGHT)
            with ctx.read() as session:
                return sets.run_test_cases(ctx, session, body["policies"])

        return _answer_outcomes(examine)


@blueprint.route("/policy-packs")
class PolicyPacks(MethodView):
    """Policies that the catalog ships."""

    @blueprint.doc(operationId="listPolicyPacks", **CONDITIONAL)
    @blueprint.response(200, PolicyPackList)
    def get(self) -> Response:
        """List the packs of policies that the catalog ships; make a set of one to use it"""
        packs = load_packs(current_context().settings.catalog_root)
        return responses.single({"items": [present_pack(pack) for pack in packs]})


def _answer_outcomes(examine: Callable[[], list[CaseOutcome]]) -> Response:
    found = responses.examine_first(examine)
    return responses.perform_once(lambda _work: Reply(200, present_outcomes(found())))
