"""What can be wrong with the work folder as a whole."""

from __future__ import annotations

from app.errors import UnavailableError


class WorkFolderError(UnavailableError):
    code = "work_folder_unusable"
    title = "The work folder cannot be used"
    advice = "Make room in LANDFORM_WORK_ROOT, or let Landform's user write there; work resumes."
