"""Who is in the database: ids of users and projects by name, roles."""

from __future__ import annotations

import re

from sqlalchemy import select

from app.models import Project, ProjectMember, User
from app.services.context import Context

EDITS = re.compile(r'<form[^>]*method="post"[^>]*action="(/settings/[^"]*)"')
"""The forms of a page that change something in the settings."""


def id_of(ctx: Context, name: str) -> str:
    with ctx.read() as session:
        return session.scalars(select(User.id).where(User.name == name)).one()


def project_id(ctx: Context, name: str = "default") -> str:
    with ctx.read() as session:
        return session.scalars(select(Project.id).where(Project.name == name)).one()


def role_of(ctx: Context, user_id: str) -> str | None:
    with ctx.read() as session:
        query = select(ProjectMember.role).where(ProjectMember.user_id == user_id)
        return session.scalar(query)
