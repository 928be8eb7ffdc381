"""The settings of where Landform goes for somebody else: webhooks, cloud accounts, sign-in.

Part of ``app.config.settings.Settings``, which has all the others.
"""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings

Networks = tuple[IPv4Network | IPv6Network, ...]
SYSTEM_FOLDERS = tuple(map(Path, ("/proc", "/sys", "/dev")))


class OutboundSettings(BaseSettings):
    """What the operator of the host allows beside the public Internet; nothing by default."""

    webhook_allowed_networks: str = Field(
        "",
        description="Networks (`10.1.0.0/16,…`) to which webhooks may go although not public.",
    )
    cloud_allowed_networks: str = Field(
        "",
        description="Networks (`10.1.0.0/16,…`) to which endpoints of cloud accounts may lead "
        "although not public.",
    )
    cloud_endpoints: str = Field(
        "",
        description="Endpoints (`http://localstack:4566,…`) that cloud accounts may name wherever "
        "they lead, also beside a credential file or the role of the host.",
    )
    credential_files_root: Path | None = Field(
        None,
        description="Folder below which files lie that cloud accounts may name; none without it.",
    )
    oidc_allowed_networks: str = Field(
        "",
        description="Networks (`10.1.0.0/16,…`) in which the identity provider may have addresses "
        "on another origin than its issuer's.",
    )

    @field_validator("webhook_allowed_networks", "cloud_allowed_networks", "oidc_allowed_networks")
    @classmethod
    def _check_outbound_networks(cls, text: str) -> str:
        read_networks(text)
        return text

    @field_validator("credential_files_root")
    @classmethod
    def _check_credential_files(cls, folder: Path | None) -> Path | None:
        if folder is None or not folder.parts:
            return None
        if not folder.is_absolute() or folder.parent == folder:
            raise ValueError("must be the absolute path of a folder, and not of the whole disk")
        if any(folder.resolve().is_relative_to(system) for system in SYSTEM_FOLDERS):
            raise ValueError("must not be in /proc, /sys or /dev")
        return folder

    @property
    def webhook_networks(self) -> Networks:
        """Networks to which webhooks may go although they are not public."""
        return read_networks(self.webhook_allowed_networks)

    @property
    def cloud_networks(self) -> Networks:
        """Networks to which endpoints of cloud accounts may lead although they are not public."""
        return read_networks(self.cloud_allowed_networks)

    @property
    def oidc_networks(self) -> Networks:
        """Networks in which the identity provider may have addresses beside its issuer's."""
        return read_networks(self.oidc_allowed_networks)

    @property
    def vouched_endpoints(self) -> frozenset[str]:
        """Endpoints that the operator of the host vouches for."""
        found = (part.strip().rstrip("/") for part in self.cloud_endpoints.split(","))
        return frozenset(filter(None, found))


def read_networks(text: str) -> Networks:
    """Return the networks of a list with commas.

    Raises:
        ValueError: one of them is none.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
