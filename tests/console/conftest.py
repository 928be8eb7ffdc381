"""A real application on a real, migrated SQLite database, and a browser's view of its pages."""

from __future__ import annotations

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser
from pydantic import SecretStr
from sqlalchemy import update
from werkzeug.serving import make_server
from werkzeug.test import TestResponse

from app.clock import utc_now
from app.config.settings import Settings
from app.factory import create_app
from app.models import UserSession
from app.services.access import SYSTEM_PRINCIPAL, Principal
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from tests.conftest import ENCRYPTION_KEYS, SECRET_KEY, forget_instances
from tests.console.browsing import PASSWORD, Watched
from tests.console.fleet_examples import Fleet

OTHER = "another fine long phrase"


class Visitor:
    """A person with a browser: keeps cookies, and sends forms with what their page gave them."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(path, **{"buffered": True, **options})

    def text(self, path: str) -> str:
        """Return the HTML of a page that must be there."""
        response = self.get(path)
        assert response.status_code == 200, (path, response.status_code, response.text[:2000])
        return response.text

    def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """Send a form with the session's CSRF token."""
        cookie = self.client.get_cookie("landform_csrf")
        token = {"csrf_token": cookie.value} if cookie else {}
        return self.client.post(path, data={**token, **(data or {})}, **options)

    def sign_in(
        self, username: str = "admin", password: str = PASSWORD, **more: str
    ) -> TestResponse:
        """Fill in the sign-in form."""
        page = self.client.get("/sign-in").text
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found, page
        form = {"form_token": found[1], "username": username, "password": password, **more}
        return self.client.post("/sign-in", data=form)


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Compile each template once and not for each application that a test makes."""
    cache = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": cache})
        yield


@dataclass(frozen=True)
class PreparedHome:
    """A home as the first start leaves it, and the cookies of an administrator signed in there."""

    path: Path
    cookies: dict[str, str]


@pytest.fixture(scope="session")
def prepared_home(tmp_path_factory: pytest.TempPathFactory) -> PreparedHome:
    """Prepare a home and sign in once; tests work on copies, in which the session lives too."""
    settings = _settings(tmp_path_factory.mktemp("console") / "home")
    prepare(settings, sandbox_token="a-token-of-the-sandbox")
    ctx = build_context(settings)
    admin = Visitor(create_app(settings, ctx).test_client())
    assert admin.sign_in().status_code == 303
    cookies = {}
    for name in ("landform_session", "landform_csrf"):
        cookie = admin.client.get_cookie(name)
        assert cookie is not None
        cookies[name] = cookie.value
    confirm_all_sessions(ctx)
    ctx.db.engine.dispose()
    forget_instances(settings)
    return PreparedHome(settings.home, cookies)


@pytest.fixture
def console_settings(prepared_home: PreparedHome, tmp_path: Path) -> Settings:
    home = tmp_path / "home"
    shutil.copytree(prepared_home.path, home)
    return _settings(home)


@pytest.fixture
def ctx(console_settings: Settings) -> Iterator[Context]:
    context = build_context(console_settings)
    yield context
    context.db.engine.dispose()


@pytest.fixture
def console_app(ctx: Context) -> Flask:
    return create_app(ctx.settings, ctx)


@pytest.fixture
def outsider(console_app: Flask) -> Visitor:
    """Somebody who is not signed in."""
    return Visitor(console_app.test_client())


@pytest.fixture
def visitor(console_app: Flask, prepared_home: PreparedHome) -> Visitor:
    """The administrator, signed in."""
    client = console_app.test_client()
    for name, value in prepared_home.cookies.items():
        client.set_cookie(name, value)
    return Visitor(client)


@pytest.fixture
def fleet(ctx: Context) -> Fleet:
    """A maker of stacks and operations in any state."""
    return Fleet(ctx, PRINCIPAL)


@pytest.fixture
def viewer(console_app: Flask, fleet: Fleet) -> Visitor:
    """Vera, who may look at the default project and nothing else."""
    fleet.member("vera", OTHER, "viewer")
    found = Visitor(console_app.test_client())
    assert found.sign_in("vera", OTHER).status_code == 303
    confirm_all_sessions(fleet.ctx)
    return found


@pytest.fixture
def root(console_app: Flask) -> Iterator[str]:
    """Serve the application on a free port."""
    server = make_server("127.0.0.1", 0, console_app, threaded=True)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def watched(browser: Browser, root: str) -> Iterator[Watched]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    found = Watched(page, root)
    page.on("console", found.note)
    page.on("pageerror", lambda error: found.complaints.append(str(error)))
    page.add_init_script(
        "addEventListener('securitypolicyviolation', e => console.error(e.violatedDirective))"
    )
    yield found
    context.close()
    expected = found.expected
    assert [text for text in found.complaints if expected is None or expected not in text] == []


@pytest.fixture
def at_work(watched: Watched, prepared_home: PreparedHome) -> Watched:
    """The administrator, signed in at a browser."""
    watched.enter(prepared_home.cookies)
    return watched


PRINCIPAL: Principal = replace(SYSTEM_PRINCIPAL, name="admin")


def confirm_all_sessions(ctx: Context) -> None:
    """Have every session count as confirmed, for tests that are about something else."""
    with ctx.write() as session:
        session.execute(update(UserSession).values(confirmed_at=utc_now()))


def _settings(home: Path) -> Settings:
    return Settings(
        env="test",
        home=home,
        secret_key=SecretStr(SECRET_KEY),
        encryption_keys=SecretStr(ENCRYPTION_KEYS),
        admin_password=SecretStr(PASSWORD),
        cookie_secure=False,
        confirmation_seconds=86400,
        login_rate="200/minute",
        cloud_allowed_networks="127.0.0.0/8",
    )


def words(page: str) -> str:
    """Return what a person reads of a page, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split()).replace(" .", ".")
