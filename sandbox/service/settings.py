"""Owns the service's settings and where they come from. Must not read them anywhere else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Where the service keeps its things.

    Parameters:
        folder: holds `cloud.db` and the default account's `token`.
        max_body_bytes: larger request bodies are refused with 413.
    """

    folder: Path
    max_body_bytes: int = 256 * 1024

    @property
    def database_path(self) -> Path:
        return self.folder / "cloud.db"

    @property
    def token_path(self) -> Path:
        return self.folder / "token"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read `LANDFORM_HOME` (default `./var`)."""
        env = os.environ if environ is None else environ
        return cls(folder=Path(env.get("LANDFORM_HOME") or "./var").absolute() / "sandbox")
