"""A provider that stands in for hashicorp/google or hashicorp/azurerm, for tests without a cloud.

It speaks Terraform's plugin protocol 6 with the true provider's schema of the types that Landform's
modules use, and keeps the resources in the sandbox service under their true types. So real
Terraform validates, plans, applies, refreshes, imports and destroys a module, and refuses names,
nesting and types that the true provider does not have.

What it cannot prove:

- that the cloud takes the values: nothing checks what is in a string, such as a machine type, a
  region or a role, nor what is allowed together;
- the true provider's own checks in a plan, its defaults, and which attributes it marks sensitive;
- which changes replace a resource, beyond ``REPLACES``, which is written by hand;
- what the cloud computes: such values are made up, of the right type;
- order and time: nothing needs another resource to be there or gone, nothing takes long.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

import grpc
from tf.gen import tfplugin_pb2 as pb
from tf.gen.tfplugin_pb2_grpc import ProviderServicer

from sandbox.provider.client import CloudClient, CloudError, ResourceGoneError
from sandbox.provider.transport import CloudUnreachableError
from sandbox.provider.waiting import WaitError, wait_until_available
from tests.stand_ins.identities import digest_token, identify, record_name
from tests.stand_ins.schemas import Schemas, as_message
from tests.stand_ins.values import (
    State,
    decode,
    encode,
    fits,
    is_unknown,
    make_up,
    mark_computed,
)

CREATE_SECONDS = 600.0
FAULTS = (CloudError, CloudUnreachableError, WaitError)
REPLACES = frozenset(
    {
        *("name", "location", "region", "zone", "zones", "project", "network", "subnetwork"),
        *("resource_group_name", "virtual_network_name", "storage_account_id", "account_id"),
        *("account_tier", "bucket", "role", "member", "ip_cidr_range", "subnet_id"),
        *("metadata_startup_script", "custom_data", "admin_ssh_key", "boot_disk", "os_disk"),
        *("source_image_reference", "network_interface_id", "nat_gateway_id", "router"),
        *("public_ip_address_id", "administrator_login", "database_version", "delegated_subnet_id"),
        *("cluster", "kubernetes_cluster_id", "vnet_subnet_id", "instance", "server_id"),
    }
)
"""Attributes and blocks whose change makes a new resource, whatever the type."""


@dataclass(frozen=True)
class Place:
    """Where resources are kept, and the names that ids are made of."""

    client: CloudClient
    scope: str
    account: str

    def name(self, type_name: str, identity: str) -> str:
        """Return the name that the service keeps a resource under."""
        return record_name(self.account, type_name, identity)


class StandIn(ProviderServicer):
    """Answers Terraform in the name of a provider.

    Args:
        schemas: what the provider offers.
        stop: set when Terraform asks for an end.
    """

    def __init__(self, name: str, schemas: Schemas, stop: Event) -> None:
        self._name = name
        self._schemas = schemas
        self._stop = stop
        self._place: Place | None = None

    def GetMetadata(self, request: Any, context: grpc.ServicerContext) -> pb.GetMetadata.Response:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "ask for the schema")
        raise AssertionError

    def GetProviderSchema(
        self, request: pb.GetProviderSchema.Request, context: grpc.ServicerContext
    ) -> pb.GetProviderSchema.Response:
        held = self._schemas
        return pb.GetProviderSchema.Response(
            provider=as_message(held.provider),
            resource_schemas={name: as_message(item) for name, item in held.resources.items()},
            data_source_schemas={
                name: as_message(item) for name, item in held.data_sources.items()
            },
        )

    def ValidateProviderConfig(
        self, request: pb.ValidateProviderConfig.Request, context: grpc.ServicerContext
    ) -> pb.ValidateProviderConfig.Response:
        return pb.ValidateProviderConfig.Response()

    def ValidateResourceConfig(
        self, request: pb.ValidateResourceConfig.Request, context: grpc.ServicerContext
    ) -> pb.ValidateResourceConfig.Response:
        return pb.ValidateResourceConfig.Response()

    def ValidateDataResourceConfig(
        self, request: pb.ValidateDataResourceConfig.Request, context: grpc.ServicerContext
    ) -> pb.ValidateDataResourceConfig.Response:
        return pb.ValidateDataResourceConfig.Response()

    def ConfigureProvider(
        self, request: pb.ConfigureProvider.Request, context: grpc.ServicerContext
    ) -> pb.ConfigureProvider.Response:
        self._stop.clear()
        try:
            self._place = find_place(self._name, decode(request.config), os.environ)
        except (LookupError, TypeError, ValueError, OSError) as error:
            said = f"the stand-in for {self._name} needs an endpoint and a token ({error!r})"
            return pb.ConfigureProvider.Response(diagnostics=[_diagnostic("Not configured", said)])
        return pb.ConfigureProvider.Response()

    def UpgradeResourceState(
        self, request: pb.UpgradeResourceState.Request, context: grpc.ServicerContext
    ) -> pb.UpgradeResourceState.Response:
        return pb.UpgradeResourceState.Response(
            upgraded_state=encode(json.loads(request.raw_state.json))
        )

    def PlanResourceChange(
        self, request: pb.PlanResourceChange.Request, context: grpc.ServicerContext
    ) -> pb.PlanResourceChange.Response:
        prior, proposed = decode(request.prior_state), decode(request.proposed_new_state)
        block = self._schemas.resources[request.type_name]
        if proposed is None:
            return pb.PlanResourceChange.Response(planned_state=request.proposed_new_state)
        planned = mark_computed(block, proposed)
        replaced = [
            pb.AttributePath(steps=[pb.AttributePath.Step(attribute_name=name)])
            for name in sorted(REPLACES & planned.keys())
            if prior is not None and prior.get(name) != planned[name]
        ]
        if "effective_labels" in planned:
            labels = planned.get("labels", planned.get("resource_labels"))
            known = {} if labels is None else labels
            planned |= {"effective_labels": known, "terraform_labels": known}
        return pb.PlanResourceChange.Response(
            planned_state=encode(planned), requires_replace=replaced
        )

    def ApplyResourceChange(
        self, request: pb.ApplyResourceChange.Request, context: grpc.ServicerContext
    ) -> pb.ApplyResourceChange.Response:
        prior, planned = decode(request.prior_state), decode(request.planned_state)
        type_name = request.type_name
        kept = prior
        try:
            place = self._placed()
            if planned is None:
                self._delete(place, type_name, prior)
                kept = None
            elif prior is None:
                kept = self._create(place, type_name, planned)
            else:
                kept = make_up(self._schemas.resources[type_name], planned, prior["id"])
                place.client.update(place.name(type_name, prior["id"]), kept, read_tags(kept))
        except FAULTS as error:
            told = _diagnostic(f"{type_name} could not be changed", str(error))
            return pb.ApplyResourceChange.Response(new_state=encode(prior), diagnostics=[told])
        return pb.ApplyResourceChange.Response(new_state=encode(kept))

    def ReadResource(
        self, request: pb.ReadResource.Request, context: grpc.ServicerContext
    ) -> pb.ReadResource.Response:
        held = decode(request.current_state)
        try:
            found = self._find(self._placed(), request.type_name, held["id"])
        except FAULTS as error:
            told = _diagnostic(f"{request.type_name} could not be read", str(error))
            return pb.ReadResource.Response(new_state=request.current_state, diagnostics=[told])
        return pb.ReadResource.Response(new_state=encode(found))

    def ImportResourceState(
        self, request: pb.ImportResourceState.Request, context: grpc.ServicerContext
    ) -> pb.ImportResourceState.Response:
        try:
            found = self._find(self._placed(), request.type_name, request.id)
        except FAULTS as error:
            told = _diagnostic(f"{request.type_name} could not be imported", str(error))
            return pb.ImportResourceState.Response(diagnostics=[told])
        if found is None:
            told = _diagnostic(
                "Nothing to import", f"There is no {request.type_name} {request.id}."
            )
            return pb.ImportResourceState.Response(diagnostics=[told])
        made = pb.ImportResourceState.ImportedResource(
            type_name=request.type_name, state=encode(found)
        )
        return pb.ImportResourceState.Response(imported_resources=[made])

    def ReadDataSource(
        self, request: pb.ReadDataSource.Request, context: grpc.ServicerContext
    ) -> pb.ReadDataSource.Response:
        config = decode(request.config)
        block = self._schemas.data_sources[request.type_name]
        identity = identify(request.type_name, config, self._placed().scope)
        try:
            found = self._find(self._placed(), request.type_name, identity)
        except FAULTS as error:
            told = _diagnostic(f"{request.type_name} could not be read", str(error))
            return pb.ReadDataSource.Response(diagnostics=[told])
        if found is None:
            told = _diagnostic("Not found", f"There is no {request.type_name} {identity}.")
            return pb.ReadDataSource.Response(diagnostics=[told])
        known = {
            name: found[name]
            for name, item in block["attributes"].items()
            if name in found and fits(item["type"], found[name])
        }
        state = make_up(block, mark_computed(block, {**config, **known}), identity)
        return pb.ReadDataSource.Response(state=encode(state))

    def GetFunctions(
        self, request: pb.GetFunctions.Request, context: grpc.ServicerContext
    ) -> pb.GetFunctions.Response:
        return pb.GetFunctions.Response()

    def StopProvider(
        self, request: pb.StopProvider.Request, context: grpc.ServicerContext
    ) -> pb.StopProvider.Response:
        self._stop.set()
        return pb.StopProvider.Response()

    def _placed(self) -> Place:
        if self._place is None:
            raise CloudError(0, "", "the stand-in is not configured")
        return self._place

    def _create(self, place: Place, type_name: str, planned: State) -> State:
        identity = identify(type_name, planned, place.scope)
        planned = {**planned, "id": identity} if is_unknown(planned["id"]) else planned
        state = make_up(self._schemas.resources[type_name], planned, identity)
        made = place.client.create(type_name, state, read_tags(state))
        wait_until_available(place.client, made, CREATE_SECONDS, self._stop)
        return state

    def _delete(self, place: Place, type_name: str, prior: State) -> None:
        try:
            place.client.delete(place.name(type_name, prior["id"]))
        except ResourceGoneError:
            return

    def _find(self, place: Place, type_name: str, identity: str) -> State | None:
        try:
            return dict(place.client.get(place.name(type_name, identity)).attributes)
        except ResourceGoneError:
            return None


def find_place(name: str, config: State, environ: Mapping[str, str]) -> Place:
    """Return where resources are kept, from what the true provider is configured with.

    The endpoint is the one that the account names. The token of the sandbox account is the id of
    the service account's key, the secret of the service principal, or the content of a token file.

    Raises:
        LookupError, TypeError, ValueError, OSError: it is not all there.
    """
    if name == "google":
        endpoint = config["compute_custom_endpoint"].removesuffix("/compute/v1/")
        key = json.loads(config["credentials"] or environ["GOOGLE_CREDENTIALS"])
        file = key.get("credential_source", {}).get("file")
        scope = config["project"] or environ["GOOGLE_PROJECT"]
        token = Path(file).read_text().strip() if file else key["private_key_id"]
    else:
        endpoint = f"http://{config['metadata_host'] or environ['ARM_METADATA_HOSTNAME']}"
        file = environ.get("ARM_OIDC_TOKEN_FILE_PATH")
        scope = config["subscription_id"] or environ["ARM_SUBSCRIPTION_ID"]
        token = Path(file).read_text().strip() if file else environ["ARM_CLIENT_SECRET"]
    parts = urlsplit(endpoint)
    client = CloudClient(f"{parts.scheme}://{parts.netloc}/v1", token)
    return Place(client, scope, digest_token(token))


def read_tags(state: State) -> dict[str, str]:
    """Return the labels or tags of a resource, or what its description says in their place."""
    said = state.get("labels") or state.get("resource_labels") or state.get("tags")
    if isinstance(said, dict):
        return said
    for settings in state.get("settings") or ():
        return dict(settings.get("user_labels") or {})
    for config in state.get("node_config") or ():
        return dict(config.get("resource_labels") or {})
    words = str(state.get("description") or "").split()
    return dict(word.split("=", 1) for word in words if "=" in word)


def _diagnostic(summary: str, detail: str) -> pb.Diagnostic:
    return pb.Diagnostic(severity=pb.Diagnostic.ERROR, summary=summary, detail=detail)
