"""What an adapter signs in to a cloud with: the fields of an account, and how its host is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.outbound.client import OutboundClient


@dataclass(frozen=True)
class CloudLogin:
    """An account as it is used now.

    Args:
        fields: credentials by name, as the description of the cloud names them; what a path led to
            is in its place.
        files: private copies of files that ``fields`` name, for Terraform's provider to read.
        outbound: carries each request to an endpoint that the account itself names.
    """

    fields: Mapping[str, str] = field(repr=False)
    outbound: OutboundClient = field(default_factory=OutboundClient, repr=False)
    files: tuple[Path, ...] = ()
