"""What ``landform admin backup`` takes and says."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from app.domain.plain_words import counted
from app.services.backup.create import create_backup
from app.services.backup.restore import RestoredBackup, restore_backup
from app.services.backup.verify import verify_backup
from app.services.context import Context

Told = tuple[list[str], bool]
"""What to print, and whether something needs attention."""

Act = Callable[[Context, argparse.Namespace], Told]

APART = (
    "Keep LANDFORM_ENCRYPTION_KEYS and LANDFORM_SECRET_KEY apart from it: they are not in it, and "
    "without the first nothing in it opens."
)


def take_creation(parser: argparse.ArgumentParser) -> None:
    """Take what making a backup needs."""
    _take_folder(parser, create)


def take_verification(parser: argparse.ArgumentParser) -> None:
    """Take what checking a backup needs."""
    _take_folder(parser, verify)


def take_restore(parser: argparse.ArgumentParser) -> None:
    """Take what restoring a backup needs."""
    _take_folder(parser, restore)
    parser.add_argument(
        "--keep-states",
        action="store_true",
        help="the states that are here survived: overwrite none, and recover newer ones",
    )
    parser.add_argument(
        "--accept-damage",
        action="store_true",
        help="leave single states out that are damaged in the backup",
    )


def _take_folder(parser: argparse.ArgumentParser, act: Act) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder of the backup")
    parser.set_defaults(act=act)


def create(ctx: Context, chosen: argparse.Namespace) -> Told:
    """Make a backup."""
    made = create_backup(ctx, chosen.folder)
    rows = sum(table.rows for table in made.tables)
    states = sum(path.startswith("states/") for path in made.files)
    size = sum(item.size_bytes for item in made.files.values())
    lines = [
        f"{made.id} of {made.created_at}.",
        f"{counted(rows, 'row')}, {counted(states, 'state version')}, {size} bytes.",
        f"Keys that it needs: {', '.join(made.keys) or 'none'}.",
        APART,
    ]
    if made.pruned:
        lines.append(f"{counted(len(made.pruned), 'state version')} expired meanwhile.")
    lines += [
        f"State {item.serial} of {item.stack_id} is missing or damaged where it is kept."
        for item in made.damaged
    ]
    return lines, bool(made.damaged)


def verify(ctx: Context, chosen: argparse.Namespace) -> Told:
    """Check a backup."""
    result = verify_backup(ctx.keys, chosen.folder)
    lines = [item.detail for item in result.problems]
    if result.manifest is not None:
        found = result.manifest
        lines.insert(
            0, f"{found.id} of {found.created_at}, Landform {found.version}, {found.engine}."
        )
    lines.append("The backup is whole." if result.is_whole else "The backup is damaged.")
    return lines, not result.is_whole


def restore(ctx: Context, chosen: argparse.Namespace) -> Told:
    """Restore a backup."""
    done = restore_backup(
        ctx,
        chosen.folder,
        keeps_states=chosen.keep_states,
        accepts_damage=chosen.accept_damage,
    )
    settled, warnings = done.settlement, _warnings(done)
    lines = [
        f"Restored {done.manifest.id} of {done.manifest.created_at}.",
        f"{counted(done.states.count, 'state version')} put back.",
        f"{counted(settled.sessions, 'session')} ended: everybody signs in anew.",
        "API tokens are as they were: revoke again what was revoked since.",
    ]
    lines += [
        f"Operation {item} was changing the cloud: it ends interrupted."
        for item in settled.interrupted
    ]
    lines += [f"Operation {item} is queued again." for item in settled.queued_again]
    lines += [f"WARNING: {item}" for item in warnings]
    lines.append("All of Landform is in maintenance: nothing is applied until somebody ends it.")
    return lines, bool(warnings or settled.interrupted)


def _warnings(done: RestoredBackup) -> list[str]:
    warnings = [*done.warnings, *done.states.warnings, *done.settlement.warnings]
    for item in done.settlement.recovered:
        before = f"serial {item.known}" if item.known is not None else "no state"
        found = ", ".join(map(str, item.serials))
        warnings.append(
            f"{item.stack_id} had newer states than the backup, which has {before}: {found} are "
            "versions of it now. Compare the plan, and ask again for what was asked since."
        )
    warnings += [
        f"{stack_id} has a state here and is not in the backup: `landform admin state export "
        f"{stack_id}` writes it, and an upload to a new stack takes it in."
        for stack_id in done.states.unknown
    ]
    return warnings
