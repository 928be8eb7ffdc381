"""Owns the life cycle of one Terraform resource in the sandbox cloud, for every resource type.

The rule it must never break: what the cloud has recorded ends in state, tainted if need be.
"""

from __future__ import annotations

import hashlib
from typing import Any, ClassVar

from tf.iface import (
    CreateContext,
    DeleteContext,
    ImportContext,
    PlanContext,
    ReadContext,
    Resource,
    UpdateContext,
    UpgradeContext,
)
from tf.schema import Schema
from tf.types import Unknown
from tf.utils import Diagnostics

from sandbox.attributes import Digest, find_fault
from sandbox.provider.client import CloudError, CloudResource, ResourceGoneError
from sandbox.provider.connection import Connection
from sandbox.provider.diagnostics import Subject, report, report_gone, report_other_type
from sandbox.provider.schemas import (
    CREATE_TIMEOUT,
    DEFAULT_CREATE_TIMEOUT_SECONDS,
    make_resource_schema,
)
from sandbox.provider.transport import CloudUnreachableError
from sandbox.provider.unknowns import is_unknown
from sandbox.provider.waiting import (
    WaitError,
    WaitInterruptedError,
    wait_until_available,
)
from sandbox.resource_types.resource_type import ResourceType

State = dict[str, Any]


class SandboxResource(Resource):
    """Base of `sandbox_<type>`; a subclass names its `resource_type`, and has its schema made."""

    resource_type: ClassVar[ResourceType]
    schema: ClassVar[Schema]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def get_name(cls) -> str:
        return cls.resource_type.name

    @classmethod
    def get_schema(cls) -> Schema:
        return cls.schema

    def validate(self, diags: Diagnostics, type_name: str, config: State) -> None:
        """Refuse at plan time what the cloud would refuse at apply time."""
        super().validate(diags, type_name, config)
        for attribute in self.resource_type.attributes:
            value = config.get(attribute.name)
            if value is None or is_unknown(value) or attribute.computed is not None:
                continue
            message = find_fault(attribute, value)
            if message is not None:
                diags.add_error(
                    f"Invalid {attribute.name} of {type_name}",
                    f"{attribute.name} {message}.",
                    path=[attribute.name],
                )
        timeout_seconds = config.get(CREATE_TIMEOUT)
        if timeout_seconds is None or is_unknown(timeout_seconds) or float(timeout_seconds) > 0:
            return
        diags.add_error(
            f"Invalid {CREATE_TIMEOUT}", "It must be more than 0.", path=[CREATE_TIMEOUT]
        )

    def plan(self, ctx: PlanContext, current: State | None, planned: State) -> State:
        """Mark as unknown what the cloud computes from a value that changes."""
        for attribute in self.resource_type.attributes:
            if attribute.computed and set(attribute.computed.sources) & ctx.changed_fields:
                planned[attribute.name] = Unknown
        return planned

    def create(self, ctx: CreateContext, planned: State) -> State | None:
        """Create, then wait. From the moment the cloud has recorded it, a state is returned."""
        subject = Subject(ctx.type_name, str(planned.get("name")))
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return None
        try:
            created = client.create(
                self.resource_type.name, self._list_settable(planned), planned["tags"] or {}
            )
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "create", subject)
            return None
        timeout_seconds = planned.get(CREATE_TIMEOUT) or DEFAULT_CREATE_TIMEOUT_SECONDS
        try:
            wait_until_available(client, created, float(timeout_seconds), self._connection.stop)
        except WaitError as error:
            _report_wait(ctx.diagnostics, error, created.id, subject, float(timeout_seconds))
        except ResourceGoneError as error:
            report_gone(ctx.diagnostics, error, subject)
            return None
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "finish creating", subject)
        return self._make_state(created, planned)

    def read(self, ctx: ReadContext, current: State) -> State | None:
        """Return the resource as it is now; None when the cloud says it does not exist."""
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return current
        try:
            return self._make_state(client.get(current["id"]), current, is_read=True)
        except ResourceGoneError:
            return None
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "read", Subject(ctx.type_name, current["id"]))
            return current

    def update(self, ctx: UpdateContext, current: State, planned: State) -> State | None:
        """Change in place. All settable values are sent, so that the answer is what was planned."""
        subject = Subject(ctx.type_name, current["id"])
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return current
        try:
            updated = client.update(
                current["id"], self._list_settable(planned), planned["tags"] or {}
            )
        except ResourceGoneError as error:
            report_gone(ctx.diagnostics, error, subject)
            return current
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "change", subject)
            return current
        return self._make_state(updated, planned)

    def delete(self, ctx: DeleteContext, current: State) -> State | None:
        """Delete; already gone is fine. On failure the state is kept, since it still exists."""
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return current
        try:
            client.delete(current["id"])
        except ResourceGoneError:
            return None
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "delete", Subject(ctx.type_name, current["id"]))
            return current
        return None

    def import_(self, ctx: ImportContext, resource_id: str) -> State | None:
        """Take an existing resource into state by its id."""
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return None
        try:
            found = client.get(resource_id)
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "import", Subject(ctx.type_name, resource_id))
            return None
        if found.type != self.resource_type.name:
            report_other_type(ctx.diagnostics, found, Subject(ctx.type_name, resource_id))
            return None
        return self._make_state(found, {}, is_read=True)

    def upgrade(self, ctx: UpgradeContext, version: int, old: State) -> State:
        """Add attributes that older versions did not have, and drop those that are no more."""
        return {
            attribute.name: old.get(attribute.name) for attribute in self.get_schema().attributes
        }

    def _list_settable(self, planned: State) -> State:
        return {
            attribute.name: planned[attribute.name]
            for attribute in self.resource_type.attributes
            if attribute.computed is None
        }

    def _make_state(self, found: CloudResource, known: State, *, is_read: bool = False) -> State:
        """Combine what the cloud shows with what only Terraform knows.

        Parameters:
            known: prior or planned state; source of write-only values and of the timeout.
            is_read: compare write-only values with the cloud's digest, and forget them on a
                difference: the next plan then sets them again.
        """
        state: State = {"id": found.id, CREATE_TIMEOUT: known.get(CREATE_TIMEOUT)}
        for attribute in self.resource_type.attributes:
            source = known if attribute.write_only else found.attributes
            state[attribute.name] = source.get(attribute.name)
        for attribute in self.resource_type.attributes if is_read else ():
            if isinstance(attribute.computed, Digest):
                secret = state[attribute.computed.source]
                if secret is not None and _digest(secret) != state[attribute.name]:
                    state[attribute.computed.source] = None
        state["tags"] = found.tags if found.tags or known.get("tags") is not None else None
        return state


def make_resource_class(resource_type: ResourceType) -> type[SandboxResource]:
    """Return the class of `sandbox_<type>`."""
    return type(
        f"Sandbox{resource_type.schema_name}",
        (SandboxResource,),
        {"resource_type": resource_type, "schema": make_resource_schema(resource_type)},
    )


def _report_wait(
    diagnostics: Diagnostics,
    error: WaitError,
    resource_id: str,
    subject: Subject,
    timeout_seconds: float,
) -> None:
    kept = (
        f"It exists as {resource_id} and is kept in state, marked as tainted: the next apply "
        "replaces it, unless you run terraform untaint once it is available."
    )
    if isinstance(error, WaitInterruptedError):
        diagnostics.add_error(
            "Creation was interrupted",
            f"Terraform was asked to stop while {subject} was still being created. {kept}",
        )
        return
    diagnostics.add_error(
        "Creation took too long",
        f"{subject} was not available after {timeout_seconds:g} seconds. {kept} Raise "
        f"{CREATE_TIMEOUT} to wait longer.",
    )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
