"""The provider of a stack's resources: which one, signed in how, and configured with what."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.catalog.catalog import Cloud
from app.catalog.cloud import ServingProvider
from app.clouds.login import CloudLogin
from app.models import Stack
from app.terraform.environment import build_provider_environment
from app.terraform.provider_spec import ProviderSpec


@dataclass(frozen=True)
class StackProvider:
    """What Landform knows of the provider without Terraform.

    Args:
        account: id of the cloud account.
        kept: how one process serves many runs, if it can.
        moving: attributes that the cloud changes by itself, by type of resource.
        configuration: names what Terraform configures it with; equal for stacks that may share one.
        sign_in: variables that sign it in.
    """

    account: str
    kept: ServingProvider | None
    moving: Mapping[str, Collection[str]]
    configuration: str
    sign_in: Mapping[str, str] = field(repr=False)

    @classmethod
    def of(cls, stack: Stack, cloud: Cloud, login: CloudLogin) -> StackProvider:
        """Return the provider of ``stack``, signed in with its account.

        One that reads a file is not kept: only a run may see what is copied for it.
        """
        region, credentials = cloud.region(stack.region), login.fields
        return cls(
            account=stack.cloud_account_id,
            kept=None if login.files else cloud.kept_provider,
            moving=cloud.moving,
            configuration=cloud.provider_configuration(credentials, region),
            sign_in=cloud.environment(credentials, region),
        )

    def spec(self, executable: Path | None) -> ProviderSpec | None:
        """Return the specification of a process that is kept between runs, if there can be one.

        Args:
            executable: the provider as ``init`` installs it, if it is known.
        """
        if self.kept is None or executable is None:
            return None
        return ProviderSpec(
            account=self.account,
            executable=str(executable),
            arguments=self.kept.arguments,
            configuration=self.configuration,
            environment=build_provider_environment(self.sign_in),
        )
