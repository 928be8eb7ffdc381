"""``make pictures``: the main pages as a person sees them, into ``docs/images``.

Starts a whole Landform, makes infrastructure in its sandbox cloud, and photographs the console with
the Chromium of this machine. Nothing on the pictures is made up.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from app.config.settings import REPOSITORY_ROOT
from tests.conftest import BROWSERS
from tests.pictures.scene import PROJECT, Scene, set_scene
from tests.running import RunningLandform, running_landform

TARGET = REPOSITORY_ROOT / "docs" / "images"
SIZE = (1280, 880)
SETTINGS = {
    "LANDFORM_LOGIN_RATE": "1000/minute",
    "LANDFORM_API_RATE": "10000000/minute",
    "LANDFORM_LOG_LEVEL": "WARNING",
}


def main() -> int:
    """Take all pictures; return the exit status."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.stderr.write("There is no Chromium on this machine: apt-get install chromium.\n")
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="landform-pictures-") as folder,
        running_landform(Path(folder) / "home", **SETTINGS) as landform,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(
            base_url=f"http://127.0.0.1:{landform.port}",
            viewport={"width": SIZE[0], "height": SIZE[1]},
            color_scheme="light",
        )
        sign_in(page, landform)
        scene = set_scene(landform)
        for name, path in pages(scene).items():
            take(page, path, TARGET / f"{name}.png")
        browser.close()
    return 0


def pages(scene: Scene) -> Mapping[str, str]:
    """Return the address of each picture; what changes soonest comes first."""
    return {
        "operation": f"/operations/{scene.running_id}",
        "overview": "/",
        "plan": f"/operations/{scene.waiting_id}",
        "stacks": "/stacks",
        "stack": f"/stacks/{scene.stack_id}",
        "resources": f"/stacks/{scene.stack_id}/resources",
        "drift": "/drift",
        "new-stack": "/stacks/new/machine-group",
        "catalogue": "/catalogue",
        "audit": "/audit",
    }


def sign_in(page: Page, landform: RunningLandform) -> None:
    """Fill in the form with the password of the first start."""
    page.goto("/sign-in")
    page.fill("#username", "admin")
    page.fill("#password", (landform.home / "admin-password").read_text().strip())
    page.keyboard.press("Enter")
    page.wait_for_url("**/")
    page.click("button:has-text('Dismiss')")  # the first steps of a newcomer
    page.wait_for_selector("button:has-text('Dismiss')", state="detached")


def take(page: Page, path: str, target: Path) -> None:
    """Photograph what a person sees first."""
    page.goto(path)
    page.wait_for_selector("h1")
    if "/stacks/new/" in path:
        choose(page)
    page.screenshot(path=target)
    sys.stdout.write(f"{target.relative_to(REPOSITORY_ROOT)} {target.stat().st_size // 1000} kB\n")


def choose(page: Page) -> None:
    """Fill the form of a machine group as somebody would who goes on in the same project."""
    page.fill("[name='/name']", "checkout")
    page.select_option("[name='/project']", PROJECT)
    page.wait_for_selector(
        "[name='/parameters/network'] option[value='shop-net']", state="attached"
    )
    page.select_option("[name='/parameters/network']", "shop-net")
    page.fill("[name='/parameters/count']", "3")
    page.locator("[name='/parameters/count']").blur()
    page.wait_for_selector("#curl-text:has-text('\"count\": 3')")


if __name__ == "__main__":
    sys.exit(main())
