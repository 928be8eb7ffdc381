"""Owns the version and address of the sandbox cloud's service and provider. Nothing else."""

from __future__ import annotations

VERSION = "0.1.0"
PROVIDER_ADDRESS = "landform.local/landform/sandbox"
