"""One login to a cloud, its credentials sealed by ``app.crypto``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, LargeBinary, String, false
from sqlalchemy.orm import Mapped, mapped_column

from app.db import UtcDateTime
from app.models.base import Base


class CloudAccount(Base):
    """A cloud account; ``regions`` narrows what the cloud offers (empty means all).

    It is for the projects of its ``CloudAccountProject`` rows, or ``for_all_projects``.
    ``check_passed`` is nothing until somebody has had the credentials checked. A deleted account
    keeps its row, without credentials, for the history of its stacks.
    """

    __tablename__ = "cloud_accounts"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)
    cloud: Mapped[str] = mapped_column(String(40))
    regions: Mapped[list[Any]] = mapped_column(default=list)
    default_region: Mapped[str | None] = mapped_column(String(40))
    sealed_credentials: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column(default=1)
    for_all_projects: Mapped[bool] = mapped_column(default=False, server_default=false())
    checked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    check_passed: Mapped[bool | None] = mapped_column()
    check_detail: Mapped[str | None] = mapped_column(String(500))
    deleted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class CloudAccountProject(Base):
    """The grant of a cloud account to a project."""

    __tablename__ = "cloud_account_projects"

    account_id: Mapped[str] = mapped_column(ForeignKey("cloud_accounts.id"), primary_key=True)
    project_id: Mapped[str] = mapped_column(ForeignKey("projects.id"), primary_key=True, index=True)
