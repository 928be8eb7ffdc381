"""The settings of where Terraform state is kept, and for how long.

A part of ``app.config.settings.Settings``, which is what everything else reads.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings


class StateSettings(BaseSettings):
    """The volume or the bucket of states, and the folder in which operations work."""

    state_root: Path | None = Field(
        None, description="Mounted volume that holds Terraform state (`$LANDFORM_HOME/state`)."
    )
    state_backend: Literal["volume", "s3"] = Field(
        "volume", description="Where the state of new stacks is kept: `volume` or `s3`."
    )
    state_s3_bucket: str = Field(
        "", description="Bucket for states; empty means that all are on the volume."
    )
    state_s3_prefix: str = Field(
        "landform",
        pattern=r"^([A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*)?$",
        description="What all keys in the bucket begin with.",
    )
    state_s3_region: str = Field("", description="Region of the bucket, such as `eu-west-1`.")
    state_s3_endpoint: str = Field(
        "", description="Address of another S3 than that of AWS; empty for AWS's."
    )
    state_s3_kms_key: str = Field(
        "", description="KMS key that S3 encrypts states with; empty for a key of S3's own."
    )
    state_s3_access_key_id: SecretStr = Field(
        SecretStr(""), description="Access key for the bucket; empty means the role of the host."
    )
    state_s3_secret_access_key: SecretStr = Field(
        SecretStr(""), description="Secret of that access key."
    )
    work_root: Path | None = Field(
        None,
        description="Private run directories (`$LANDFORM_HOME/work`); another disk if possible.",
    )
    ballast_bytes: int = Field(
        16 * 1024 * 1024,
        ge=0,
        description="Room kept on the volume and in the work folder for saving state on a full "
        "disk.",
    )
    state_keep_versions: int = Field(
        50, ge=1, description="State versions of a stack that are always kept."
    )
    state_keep_days: int = Field(
        30, ge=0, description="Days for which every state version is kept, however many there are."
    )

    @property
    def keeps_state_on_s3(self) -> bool:
        """Whether the bucket has all that hosts share, so that they need no volume for it."""
        return self.state_backend == "s3"

    @model_validator(mode="after")
    def _check_state_bucket(self) -> Self:
        if self.state_backend == "s3" and not self.state_s3_bucket:
            raise ValueError("LANDFORM_STATE_BACKEND s3 needs LANDFORM_STATE_S3_BUCKET")
        if self.state_s3_bucket and not self.state_s3_region:
            raise ValueError("LANDFORM_STATE_S3_BUCKET needs LANDFORM_STATE_S3_REGION")
        keys = (self.state_s3_access_key_id, self.state_s3_secret_access_key)
        if bool(keys[0].get_secret_value()) != bool(keys[1].get_secret_value()):
            raise ValueError(
                "LANDFORM_STATE_S3_ACCESS_KEY_ID and LANDFORM_STATE_S3_SECRET_ACCESS_KEY go "
                "together"
            )
        return self
