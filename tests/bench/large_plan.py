"""What a plan of 1,100 resources costs: bytes of its answers, snapshots, bytes on the volume.

Run as ``python -m tests.bench.large_plan``. A running Landform with the sandbox cloud and its real
Terraform provider, spoken to over REST alone; the volume is looked at while the apply runs.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.config.settings import REPOSITORY_ROOT
from tests.catalog.versions import STANDARD
from tests.running import RunningLandform, running_landform

RESOURCES = 1100
PATIENCE_SECONDS = 1200.0

BLUEPRINT = """kind: shelf
plural: shelves
version: 1.0.0
title: Shelf
description: Very many buckets.
parameters:
  properties:
    buckets:
      type: integer
      title: Buckets
      description: How many.
      minimum: 1
      maximum: 5000
outputs:
  count:
    type: integer
    description: How many there are.
"""
MODULE = """variable "buckets" {
  description = "How many."
  type        = number
}

resource "sandbox_bucket" "this" {
  # Terraform's range() gives 1,024 values at most.
  for_each = toset(flatten([
    for page in range(ceil(var.buckets / 1000)) : [
      for number in range(page * 1000, min(var.buckets, (page + 1) * 1000)) : format("%04d", number)
    ]
  ]))

  name       = "${var.landform_name}-${each.key}"
  region     = var.landform_region
  versioning = true
  tags       = var.landform_tags

  lifecycle {
    ignore_changes = [tags["landform:operation"]]
  }
}

output "count" {
  description = "How many there are."
  value       = length(sandbox_bucket.this)
}
"""


@dataclass
class VolumeWatch:
    """Looks at the states of one stack many times a second."""

    folder: Path
    seen: dict[str, int] = field(default_factory=dict)
    most_bytes: int = 0
    most_files: int = 0

    def look(self) -> None:
        """Note which versions there are now."""
        sizes = {}
        for file in self.folder.glob("*.tfstate"):
            try:
                sizes[file.name] = file.stat().st_size
            except FileNotFoundError:
                continue
        self.seen |= sizes
        self.most_bytes = max(self.most_bytes, sum(sizes.values()))
        self.most_files = max(self.most_files, len(sizes))

    def during(self, work: Callable[[], Any]) -> Any:
        """Look until ``work`` is done, and return its result."""
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(0.02):
                self.look()

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            return work()
        finally:
            is_over.set()
            thread.join()
            self.look()


def write_catalog(root: Path) -> None:
    """Put the shipped catalog to ``root``, with the kind of this measurement."""
    shutil.copytree(REPOSITORY_ROOT / "terraform", root)
    module = root / "blueprints" / "shelf" / "sandbox"
    module.mkdir(parents=True)
    (module.parent / "blueprint.yaml").write_text(BLUEPRINT)
    (module / "main.tf").write_text(STANDARD + MODULE)


def read_pages(landform: RunningLandform, path: str) -> list[int]:
    """Return the size in bytes of each answer, following ``next_cursor``."""
    sizes, cursor = list[int](), None
    while cursor is not None or not sizes:
        answer = landform.http.get(f"/api/v1{path}", params={"cursor": cursor} if cursor else {})
        assert answer.is_success, answer.text
        sizes.append(len(answer.content))
        cursor = answer.json()["next_cursor"]
    return sizes


def measure(landform: RunningLandform, resources: int) -> list[str]:
    """Plan, approve and apply a stack of so many resources; return what it cost, line by line."""
    asked = landform.create(
        "many", "shelves", parameters={"buckets": resources}, auto_apply="never"
    )
    stack, operation = asked["stack"]["id"], asked["operation"]["id"]
    path, began = f"/operations/{operation}", time.monotonic()
    wait_for(landform, path, "planned")
    planned, pages = time.monotonic() - began, read_pages(landform, f"{path}/plan")
    whole = landform.http.get(f"/api/v1{path}/plan", params={"limit": 200})
    database = landform.home / "landform.db"
    watch = VolumeWatch(landform.home / "state" / "stacks" / stack / "versions")

    def apply() -> dict[str, Any]:
        landform.call("POST", f"{path}/approve")
        return wait_for(landform, path, "applied")

    began = time.monotonic()
    done = watch.during(apply)
    applied = time.monotonic() - began
    assert done["plan"]["add"] == resources
    left = [file.stat().st_size for file in watch.folder.glob("*.tfstate")]
    versions = landform.call("GET", f"/stacks/{stack}/state-versions")["items"]
    return [
        f"{resources} resources: planned in {planned:.0f} s, applied in {applied:.0f} s",
        (
            f"plan: first page {pages[0]} bytes, longest {max(pages)}, {len(pages)} pages with "
            f"{sum(pages)} bytes; a page of 200: {len(whole.content)} bytes"
        ),
        f"the operation itself: {len(landform.http.get(f'/api/v1{path}').content)} bytes",
        (
            f"snapshots promoted meanwhile: {len(watch.seen)}, {sum(watch.seen.values())} bytes "
            f"written in all; at most {watch.most_files} with {watch.most_bytes} bytes at once"
        ),
        (
            f"on the volume afterwards: {len(left)} with {sum(left)} bytes; versions listed: "
            f"{len(versions)}"
        ),
        f"the database: {database.stat().st_size} bytes",
    ]


def wait_for(landform: RunningLandform, path: str, status: str) -> dict[str, Any]:
    """Ask until the operation has this status, and return it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found: dict[str, Any] = landform.call("GET", path)
        if found["status"] == status:
            return found
        assert found["ended_at"] is None, found["error"]
        assert time.monotonic() < deadline, f"waited too long for {status}"
        time.sleep(0.5)


def main() -> None:
    """Print what a large plan costs."""
    resources = int(sys.argv[1]) if len(sys.argv) > 1 else RESOURCES
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_catalog(root / "terraform")
        variables = {"LANDFORM_CATALOG_ROOT": str(root / "terraform")}
        with running_landform(root / "home", **variables) as landform:
            sys.stdout.write("\n".join(measure(landform, resources)) + "\n")


if __name__ == "__main__":
    main()
