"""Progress of operations, live: redrawn lines on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from landform_client.answers import DONE, FAILED, Operation
from landform_client.command import exits
from landform_client.command.terminal import has_colour, in_words, paint, printable, say

if TYPE_CHECKING:
    from landform_client.client import Landform

LOOK_SECONDS = 1.0
FRAME_SECONDS = 0.1
FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Followed:
    """An operation that is followed, under the name of its stack."""

    def __init__(self, title: str, operation: Operation) -> None:
        self.title = title
        self.operation = operation
        self.began = time.monotonic()
        self.told = ""

    @property
    def is_final(self) -> bool:
        """Whether its status does not change any more."""
        return self.operation["status"] in DONE | FAILED

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.is_final or self.awaits_approval

    @property
    def awaits_approval(self) -> bool:
        """Whether somebody has to approve its plan."""
        return self._waits_for("approval")

    @property
    def awaits_others(self) -> bool:
        """Whether it waits for another operation."""
        return self._waits_for("reference", "operation")

    def _waits_for(self, *reasons: str) -> bool:
        waiting = self.operation["waiting_for"]
        return waiting is not None and waiting["reason"] in reasons

    def describe(self) -> str:
        """Say how it stands, in one line."""
        status = self.operation["status"]
        said = f"{self.title}  {in_words(self.operation['type'])} {in_words(status)}"
        waiting = self.operation["waiting_for"]
        running = [step["name"] for step in self.operation["steps"] if step["status"] == "running"]
        if self.awaits_approval:
            said += f": awaits approval ({describe_plan(self.operation)})"
        elif waiting is not None:
            said += f": {waiting['detail']}"
        elif running:
            said += f" ({running[-1]})"
        elif status in DONE and self.operation["plan"]:
            said += f" ({describe_plan(self.operation)})"
        return printable(said)


def describe_plan(operation: Operation) -> str:
    """Say what a plan counts: ``add 2, destroy 1``."""
    counts = {name: count for name, count in (operation["plan"] or {}).items() if count}
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "no changes"


def follow(landform: Landform, followed: Sequence[Followed], timeout_seconds: float) -> int:
    """Show operations until all have ended or await approval, and return the exit status.

    What waits for one that awaits approval is not waited for either.

    Args:
        landform: the client.
        followed: what to follow.
        timeout_seconds: how long at most, for all together.
    """
    screen = _Screen(followed)
    deadline = time.monotonic() + timeout_seconds
    while True:
        screen.show()
        if not _goes_on(followed) or time.monotonic() > deadline:
            break
        screen.pause(min(LOOK_SECONDS, max(0.0, deadline - time.monotonic())))
        for item in followed:
            if not item.is_final:
                item.operation = landform.operation(item.operation)
    screen.end()
    for item in followed:
        _tell_end(landform, item)
    is_held = any(item.awaits_approval for item in followed)
    statuses = (_status(item, is_held=is_held) for item in followed)
    return max(statuses, key=_weight, default=exits.DONE)


def _goes_on(followed: Sequence[Followed]) -> bool:
    """Tell whether something still happens by itself."""
    is_held = any(item.awaits_approval for item in followed)
    return any(not (item.has_ended or (is_held and item.awaits_others)) for item in followed)


def _status(item: Followed, *, is_held: bool) -> int:
    if item.operation["status"] in DONE:
        return exits.DONE
    if item.operation["status"] in FAILED:
        return exits.NOT_SO
    awaits = item.awaits_approval or (is_held and item.awaits_others)
    return exits.AWAITS_APPROVAL if awaits else exits.LATE


def _weight(status: int) -> int:
    """A failure counts more than waiting, and waiting more than success."""
    return [exits.DONE, exits.AWAITS_APPROVAL, exits.LATE, exits.NOT_SO].index(status)


def _tell_end(landform: Landform, item: Followed) -> None:
    error = item.operation["error"]
    if error is not None:
        say(
            paint(f"{item.title}: {printable(error['title'])} [{error['code']}]", "red", sys.stderr)
        )
        for line in [*error["detail"].splitlines(), error["advice"]]:
            say(f"  {printable(line)}")
    elif item.awaits_approval:
        operation_id = item.operation["id"]
        say(f"{item.title} awaits approval: landform approve {operation_id}")
        say(f"  {landform.url}{item.operation['links']['page']}")
    elif not item.has_ended:
        say(f"{item.title} goes on: landform wait {item.operation['id']}")


class _Screen:
    """Where progress is shown."""

    def __init__(self, followed: Sequence[Followed]) -> None:
        self._followed = followed
        self._is_live = has_colour(sys.stderr)
        self._drawn = 0
        self._frame = 0

    def show(self) -> None:
        if self._is_live:
            self._draw()
            return
        for item in self._followed:
            said = item.describe()
            if said != item.told:
                say(said)
                item.told = said

    def pause(self, seconds: float) -> None:
        """Wait, with a moving sign on a terminal."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            time.sleep(min(left, FRAME_SECONDS) if self._is_live else left)
            if self._is_live:
                self._frame += 1
                self._draw()

    def end(self) -> None:
        sys.stderr.flush()

    def _draw(self) -> None:
        columns, rows = shutil.get_terminal_size()
        shown = list(self._followed)
        if len(shown) >= rows:  # what has ended scrolls away first
            shown = sorted(shown, key=lambda item: item.has_ended)[: max(1, rows - 1)]
        lines = [f"{self._sign(item)} {self._cut(item, columns - 4)}" for item in shown]
        up = f"\x1b[{self._drawn}F" if self._drawn else ""
        sys.stderr.write(up + "".join(f"\x1b[2K{line}\n" for line in lines))
        sys.stderr.flush()
        self._drawn = len(lines)

    def _cut(self, item: Followed, columns: int) -> str:
        text = item.describe()
        if not item.has_ended:
            text += f"  {int(time.monotonic() - item.began)} s"
        return text if len(text) <= columns else f"{text[: columns - 1]}…"

    def _sign(self, item: Followed) -> str:
        if not item.has_ended:
            return FRAMES[self._frame % len(FRAMES)]
        if item.operation["status"] in FAILED:
            return paint("✗", "red", sys.stderr)
        return (
            paint("?", "yellow", sys.stderr)
            if item.awaits_approval
            else paint("✓", "green", sys.stderr)
        )
