"""``landform admin blueprint …``: start a kind, check the catalog, compare versions, release them.

Needs no database, Redis or secret: it reads and writes a catalog folder.
"""

from __future__ import annotations

import argparse
import re
from itertools import pairwise
from pathlib import Path

from app.catalog.blueprint import KindBlueprint
from app.catalog.catalog import Catalog
from app.catalog.loader import load_catalog
from app.catalog.module_diff import find_lost_resources
from app.catalog.releases import find_changed, read_releases, write_releases
from app.catalog.scaffold import write_scaffold
from app.catalog.version_diff import find_differences, is_number_high_enough
from app.cli_command import Command
from app.config.settings import REPOSITORY_ROOT
from app.errors import NotFoundError, ValidationError

SLUG = re.compile(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?")


def create(chosen: argparse.Namespace) -> int:
    """Write the files of a new kind."""
    for name in (chosen.kind, chosen.plural or "", *chosen.cloud):
        if name and not SLUG.fullmatch(name):
            raise ValidationError(f"{name!r} must be lower-case letters, digits and hyphens.")
    known = load_catalog(chosen.catalog).clouds
    unknown = [cloud for cloud in chosen.cloud if cloud not in known]
    if unknown:
        raise NotFoundError(f"There is no cloud {unknown[0]}; there are: {', '.join(known)}.")
    plural = chosen.plural or f"{chosen.kind}s"
    title = chosen.title or chosen.kind.replace("-", " ").capitalize()
    blueprints = chosen.catalog / "blueprints"
    for file in write_scaffold(blueprints, chosen.kind, plural, title, chosen.cloud):
        print(file)
    return 0


def check(chosen: argparse.Namespace) -> int:
    """Say what is wrong with a catalog; 1 when something is.

    Raises:
        CatalogError: it does not load; every mistake is named.
    """
    catalog = load_catalog(chosen.catalog)
    faults = [*find_changed(catalog, read_releases(chosen.catalog)), *_wrong_numbers(catalog)]
    print(*faults, sep="\n", end="\n" if faults else "")
    counts = f"{len(catalog.kinds)} kinds on {len(catalog.clouds)} clouds"
    print(f"{counts}: {len(faults)} mistakes." if faults else f"{counts}: nothing is wrong.")
    return 1 if faults else 0


def compare(chosen: argparse.Namespace) -> int:
    """Show how two versions of a kind differ; 1 when the number of the newer one hides a break."""
    catalog = load_catalog(chosen.catalog)
    if chosen.kind not in catalog.kinds:
        raise NotFoundError(
            f"There is no kind {chosen.kind}; there are: {', '.join(catalog.kinds)}."
        )
    new = _version(catalog, chosen.kind, chosen.new) or catalog.kind(chosen.kind)
    old = _version(catalog, chosen.kind, chosen.old) or _before(catalog, new)
    differences = [*find_lost_resources(old, new), *find_differences(old, new)]
    for item in differences:
        print(item.line())
    print(f"{new.kind} {old.version} → {new.version}: {len(differences)} differences.")
    fault = _wrong_number(old, new)
    print(fault, end="\n" if fault else "")
    return 1 if fault else 0


def release(chosen: argparse.Namespace) -> int:
    """Register every version of a catalog as released: none may be changed in place after that."""
    if check(chosen):
        return 1
    for line in write_releases(chosen.catalog, load_catalog(chosen.catalog)):
        print(f"released {line}")
    return 0


def _version(catalog: Catalog, kind: str, version: str | None) -> KindBlueprint | None:
    if version is None:
        return None
    found = catalog.find(kind, version)
    if found is None:
        known = ", ".join(catalog.versions[kind])
        raise NotFoundError(f"The kind {kind} has no version {version}; it has: {known}.")
    return found


def _before(catalog: Catalog, new: KindBlueprint) -> KindBlueprint:
    """Return the version before ``new``; its own where there is none."""
    versions = list(catalog.versions[new.kind].values())
    place = versions.index(new)
    return versions[min(place + 1, len(versions) - 1)]


def _wrong_numbers(catalog: Catalog) -> list[str]:
    faults = []
    for versions in catalog.versions.values():
        for new, old in pairwise(versions.values()):
            faults += [fault] if (fault := _wrong_number(old, new)) else []
    return faults


def _wrong_number(old: KindBlueprint, new: KindBlueprint) -> str:
    is_lossy = bool(find_lost_resources(old, new)) and _major(old) == _major(new)
    if old is new or (is_number_high_enough(old, new) and not is_lossy):
        return ""
    return (
        f"{new.kind} {new.version} breaks stacks or clients of {old.version}: raise the first "
        f"number, or take the break back (landform admin blueprint diff {new.kind} {old.version})"
    )


def _major(blueprint: KindBlueprint) -> str:
    return blueprint.version.partition(".")[0]


def _take_catalog(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--catalog",
        type=Path,
        default=REPOSITORY_ROOT / "terraform",
        metavar="FOLDER",
        help="what holds blueprints/ and clouds/; else the one that Landform has",
    )


def _take_new(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind", help="neutral name, such as message-queue")
    parser.add_argument("--plural", help="name of the REST collection; else with an s")
    parser.add_argument("--title", help="what people read")
    parser.add_argument(
        "--cloud", action="append", required=True, help="a cloud; may be given again"
    )
    _take_catalog(parser)


def _take_versions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("kind")
    parser.add_argument("old", nargs="?", help="else the one before the newer version")
    parser.add_argument("new", nargs="?", help="else the newest")
    _take_catalog(parser)


BLUEPRINT_COMMANDS = {
    "blueprint new": Command("write the files of a new kind", create, _take_new),
    "blueprint check": Command(
        "say what is wrong with the catalog: mistakes, released versions that were changed, "
        "breaks that the number of a version hides",
        check,
        _take_catalog,
    ),
    "blueprint diff": Command(
        "show how two versions of a kind differ and what of it breaks stacks or clients",
        compare,
        _take_versions,
    ),
    "blueprint release": Command(
        "register all versions as released, so that changing them in place is refused",
        release,
        _take_catalog,
    ),
}
