"""Owns the provider as Terraform sees it: its settings, resources and data sources."""

from __future__ import annotations

from typing import Any

from tf.iface import Provider
from tf.schema import Attribute, Schema
from tf.types import String
from tf.utils import Diagnostics

from sandbox.provider.connection import Connection
from sandbox.provider.data_source import SandboxDataSource, make_data_source_class
from sandbox.provider.resource import SandboxResource, make_resource_class
from sandbox.resource_types.all_types import RESOURCE_TYPES
from sandbox.version import PROVIDER_ADDRESS


class SandboxProvider(Provider):
    """The provider `landform.local/landform/sandbox`."""

    def __init__(self) -> None:
        self.connection = Connection()

    def get_model_prefix(self) -> str:
        return "sandbox_"

    def full_name(self) -> str:
        return PROVIDER_ADDRESS

    def get_provider_schema(self, diags: Diagnostics) -> Schema:
        return Schema(
            version=1,
            attributes=[
                Attribute(
                    "endpoint",
                    String(),
                    "Base URL, for example http://127.0.0.1:8090/v1. Else SANDBOX_ENDPOINT.",
                    optional=True,
                ),
                Attribute(
                    "token",
                    String(),
                    "Token of the account. Else SANDBOX_TOKEN.",
                    optional=True,
                    sensitive=True,
                ),
            ],
        )

    def validate_config(self, diags: Diagnostics, config: dict[str, Any]) -> None:
        """Nothing to check before the environment is known; see `configure_provider`."""

    def configure_provider(self, diags: Diagnostics, config: dict[str, Any]) -> None:
        self.connection.configure(diags, config)

    def get_data_sources(self) -> list[type[SandboxDataSource]]:
        return [make_data_source_class(entry) for entry in RESOURCE_TYPES.values()]

    def get_resources(self) -> list[type[SandboxResource]]:
        return [make_resource_class(entry) for entry in RESOURCE_TYPES.values()]

    def new_resource(self, klass: type[SandboxResource]) -> SandboxResource:
        return klass(self.connection)

    def new_data_source(self, klass: type[SandboxDataSource]) -> SandboxDataSource:
        return klass(self.connection)
