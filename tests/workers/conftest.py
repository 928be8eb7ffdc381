"""The processes of Landform, and what they do without a cloud and without Redis."""

from __future__ import annotations

from tests.services.conftest import ctx

__all__ = ["ctx"]
