"""What ``landform backup`` says."""

from __future__ import annotations

from pathlib import Path

from app.domain.plain_words import counted
from app.services.backup.create import create_backup
from app.services.backup.verify import verify_backup
from app.services.context import Context

APART = (
    "Keep LANDFORM_ENCRYPTION_KEYS and LANDFORM_SECRET_KEY apart from it: they are not in it, and "
    "without the first nothing in it opens."
)


def describe_creation(ctx: Context, folder: Path) -> tuple[list[str], bool]:
    """Make a backup; return what to print, and whether something needs attention."""
    made = create_backup(ctx, folder)
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


def describe_verification(ctx: Context, folder: Path) -> tuple[list[str], bool]:
    """Check a backup; return what to print, and whether something is wrong with it."""
    result = verify_backup(ctx.keys, folder)
    lines = [item.detail for item in result.problems]
    if result.manifest is not None:
        found = result.manifest
        lines.insert(
            0, f"{found.id} of {found.created_at}, Landform {found.version}, {found.engine}."
        )
    lines.append("The backup is whole." if result.is_whole else "The backup is damaged.")
    return lines, not result.is_whole
