"""The errors of Terraform itself: no command, a run that failed, or a stale plan."""

from __future__ import annotations

from app.errors import LandformError


class TerraformError(LandformError):
    """Terraform ended with an error; ``detail`` is its first diagnostic in words."""

    code = "terraform_failed"
    title = "Terraform reported an error"
    advice = "Read the diagnostic, fix its cause, and start the operation again."


class TerraformMissingError(TerraformError):
    code = "terraform_missing"
    title = "There is no Terraform on this machine"
    advice = "Set LANDFORM_TERRAFORM to the path of a terraform or tofu executable."


class PlanStaleError(TerraformError):
    code = "plan_stale"
    title = "The saved plan is stale"
    advice = "Start the operation again; it makes a new plan."
