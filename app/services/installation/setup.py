"""The first start and every other one: schema, volume, project, admin, sandbox account."""

from __future__ import annotations

import os
import secrets
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from app.clock import utc_now
from app.config.settings import Settings
from app.domain import ids
from app.domain.password_rules import MIN_LENGTH
from app.errors import ConfigurationError
from app.models import CloudAccount, Project, User
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.context import Context, build_context
from app.services.identity.password_hashing import hash_password
from app.services.installation.instances import begin_instance
from app.services.installation.migrations import alone, upgrade
from app.services.installation.places import adopt_places
from app.services.secrets import open_credentials, seal_credentials
from app.services.work import Work, perform
from app.storage.restore_mark import refuse_unfinished
from app.storage.s3_errors import StateBucketError

SANDBOX = "sandbox"
DEFAULT_PROJECT = "default"
ADMIN = "admin"


@dataclass(frozen=True)
class Prepared:
    """What the person who starts Landform wants to know."""

    admin_password_file: Path
    generated_password: str | None


def prepare(settings: Settings, sandbox_token: str | None = None) -> Prepared:
    """Bring everything that Landform keeps to the state in which it can start; safe to repeat.

    Args:
        settings: the settings of this Landform.
        sandbox_token: token of the built-in sandbox cloud; ``None`` leaves its account as it is.

    Raises:
        ConfigurationError: a folder or a setting does not allow it; one sentence.
        VolumeError, StateBucketError: a place of state is foreign or cannot be used.
    """
    settings.home_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    ctx = build_context(settings)
    with suppress(StateBucketError):  # whether it has to answer now is judged below
        refuse_unfinished(ctx.restore_mark)
    with closing(ctx.db), alone(ctx.db):
        upgrade(ctx.db)
        adopt_places(ctx)
        with perform(ctx, SYSTEM_PRINCIPAL) as work:
            _ensure_project(work)
            if sandbox_token is not None:
                _ensure_sandbox_account(work, sandbox_token)
        prepared = _ensure_admin(ctx)
        begin_instance(ctx)
        return prepared


def _ensure_project(work: Work) -> None:
    if work.session.scalar(select(func.count()).select_from(Project)):
        return
    project = Project(
        id=ids.new_id(ids.PROJECT),
        name=DEFAULT_PROJECT,
        title="Default project",
        created_at=utc_now(),
    )
    work.session.add(project)
    audit.record(work, "project.create", "project", project.id)


def _ensure_sandbox_account(work: Work, token: str) -> None:
    wanted = {"endpoint": work.ctx.settings.sandbox_endpoint, "token": token}
    account = work.session.scalar(select(CloudAccount).where(CloudAccount.name == SANDBOX))
    if account is None:
        account = CloudAccount(
            id=ids.new_id(ids.CLOUD_ACCOUNT),
            name=SANDBOX,
            cloud=SANDBOX,
            regions=[],
            default_region=None,
            created_at=utc_now(),
            version=1,
            for_all_projects=True,
        )
        seal_credentials(work.ctx.keys, account, wanted)
        work.session.add(account)
        audit.record(work, "cloud_account.create", "cloud_account", account.id)
    elif open_credentials(work.ctx.keys, account) != wanted:
        seal_credentials(work.ctx.keys, account, wanted)
        account.version += 1
        audit.record(work, "cloud_account.change", "cloud_account", account.id)


def _ensure_admin(ctx: Context) -> Prepared:
    path = ctx.settings.home_dir / "admin-password"
    with ctx.read() as session:
        if session.scalar(select(User).where(User.name == ADMIN)) is not None:
            return Prepared(path, None)
    given = ctx.settings.admin_password.get_secret_value()
    if given and len(given) < MIN_LENGTH:
        raise ConfigurationError(
            f"LANDFORM_ADMIN_PASSWORD is too short: give {MIN_LENGTH} characters or more."
        )
    password = given or secrets.token_urlsafe(18)
    _store_password(path, password)
    with perform(ctx, SYSTEM_PRINCIPAL) as work:
        user = User(
            id=ids.new_id(ids.USER),
            name=ADMIN,
            password_hash=hash_password(password),
            is_admin=True,
            created_at=utc_now(),
        )
        work.session.add(user)
        audit.record(work, "user.create", "user", user.id)
    return Prepared(path, None if given else password)


def _store_password(path: Path, password: str) -> None:
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(password + "\n")
