"""Owns the data sources: any resource of the sandbox cloud, looked up by id. Read only."""

from __future__ import annotations

from typing import Any, ClassVar

from tf.iface import DataSource, ReadDataContext
from tf.schema import Schema

from sandbox.provider.client import CloudError
from sandbox.provider.connection import Connection
from sandbox.provider.diagnostics import Subject, report, report_other_type
from sandbox.provider.schemas import make_data_source_schema
from sandbox.provider.transport import CloudUnreachableError
from sandbox.resource_types.resource_type import ResourceType


class SandboxDataSource(DataSource):
    """Base of `data.sandbox_<type>`; a subclass names its `resource_type`."""

    resource_type: ClassVar[ResourceType]

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def get_name(cls) -> str:
        return cls.resource_type.name

    @classmethod
    def get_schema(cls) -> Schema:
        return make_data_source_schema(cls.resource_type)

    def read(self, ctx: ReadDataContext, config: dict[str, Any]) -> dict[str, Any] | None:
        """Look the resource up; a missing one, or one of another type, is an error."""
        client = self._connection.get_client(ctx.diagnostics)
        if client is None:
            return None
        subject = Subject(f"data.{ctx.type_name}", config["id"])
        try:
            found = client.get(config["id"])
        except (CloudError, CloudUnreachableError) as error:
            report(ctx.diagnostics, error, "read", subject)
            return None
        if found.type != self.resource_type.name:
            report_other_type(ctx.diagnostics, found, subject)
            return None
        names = [a.name for a in self.resource_type.attributes if not a.write_only]
        attributes = {name: found.attributes[name] for name in names}
        return {"id": found.id, "tags": found.tags, **attributes}


def make_data_source_class(resource_type: ResourceType) -> type[SandboxDataSource]:
    """Return the class of `data.sandbox_<type>`."""
    return type(
        f"Sandbox{resource_type.schema_name}Data",
        (SandboxDataSource,),
        {"resource_type": resource_type},
    )
