"""The errors of the state volume: not mounted, not ours, read-only, hung or full."""

from __future__ import annotations

from app.errors import UnavailableError


class VolumeError(UnavailableError):
    """Base of everything that can be wrong with the state volume."""

    code = "volume_unavailable"
    title = "The state volume cannot be used"
    advice = "Check the mount at LANDFORM_STATE_ROOT; /readyz says what is wrong with it."


class VolumeMissingError(VolumeError):
    code = "volume_missing"
    title = "The state volume is not mounted"


class VolumeForeignError(VolumeError):
    code = "volume_foreign"
    title = "The mounted volume belongs to another Landform"
    advice = "Mount the volume whose id is in detail, or point LANDFORM_STATE_ROOT to it."


class VolumeReadOnlyError(VolumeError):
    code = "volume_read_only"
    title = "The state volume is read-only"


class VolumeHungError(VolumeError):
    code = "volume_hung"
    title = "The state volume does not answer"
    advice = "Look at the disk or its server; work resumes by itself once it answers."


class VolumeFullError(VolumeError):
    code = "volume_full"
    title = "The state volume is full"
    advice = "Make room on the volume; work resumes by itself."
