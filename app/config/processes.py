"""The settings of how Landform's processes are kept apart from what they start.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class ProcessSettings(BaseSettings):
    """As whom Terraform runs and what it may see, and who may watch."""

    terraform_user: str = Field(
        "",
        pattern=r"^([a-z_][a-z0-9_-]{0,31}|[0-9]{1,10}(:[0-9]{1,10})?)?$",
        description="User, or `uid:gid`, as whom Terraform and its providers run; empty means "
        "`landform-terraform` or a user id of its own where Landform may, `none` Landform's user.",
    )
    terraform_readable: str = Field(
        "",
        description="Further files and folders that Terraform may read, such as certificates, "
        "absolute, comma-separated.",
    )

    metrics_token: SecretStr = Field(
        SecretStr(""),
        description="What Prometheus sends as a Bearer token to read `/metrics`; without one "
        "production shows no metrics, a demo shows them to everybody.",
    )

    @field_validator("terraform_readable")
    @classmethod
    def _check_readable(cls, text: str) -> str:
        for part in filter(None, (part.strip() for part in text.split(","))):
            if not part.startswith("/") or part.rstrip("/") == "":
                raise ValueError("must be absolute paths below /, with commas between them")
        return text

    @property
    def readable_paths(self) -> tuple[Path, ...]:
        """What the operator lets Terraform read beside its own."""
        parts = (part.strip() for part in self.terraform_readable.split(","))
        return tuple(Path(part) for part in parts if part)
