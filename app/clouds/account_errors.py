"""What is wrong with a cloud account when somebody wants to use it."""

from __future__ import annotations

from app.errors import ConflictError


class CloudAccountRefusedError(ConflictError):
    """The account breaks a rule of this host, so nothing is asked or started with it."""

    code = "cloud_account_refused"
    title = "The cloud account may not be used as it is"
    advice = (
        "Give the account credentials that this host allows, or have its operator allow them: "
        "LANDFORM_CREDENTIAL_FILES_ROOT, LANDFORM_CLOUD_ENDPOINTS, LANDFORM_CLOUD_ALLOWED_NETWORKS."
    )
