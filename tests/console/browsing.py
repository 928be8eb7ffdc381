"""A browser at the console that notes what it complains about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Page

PASSWORD = "correct horse battery staple"


@dataclass
class Watched:
    """A page whose console and policy violations are collected."""

    page: Page
    root: str
    complaints: list[str] = field(default_factory=list)
    expected: str | None = None
    """What a complaint may say in this test; it can arrive late, so it is sorted out at the end."""

    def open(self, path: str) -> None:
        self.page.goto(self.root + path)

    def sign_in(self) -> None:
        self.open("/sign-in")
        self.page.fill("#username", "admin")
        self.page.fill("#password", PASSWORD)
        self.page.keyboard.press("Enter")
        self.page.wait_for_url(self.root + "/")

    def enter(self, cookies: Mapping[str, str]) -> None:
        """Go on in a session that is open already."""
        found = [
            {"name": name, "value": value, "url": self.root} for name, value in cookies.items()
        ]
        self.page.context.add_cookies(found)  # type: ignore[arg-type]

    def note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{self.page.url}: {message.text}")
