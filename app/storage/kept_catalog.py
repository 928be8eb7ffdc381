"""The catalog of a host, read with what its processes have parsed before."""

from __future__ import annotations

from pathlib import Path

from app.catalog.catalog import Catalog
from app.catalog.hcl_source import KNOWN
from app.catalog.loader import load_catalog
from app.logs import get_logger
from app.storage.durable import write_durably

log = get_logger(__name__)

_shared: dict[Path, Catalog] = {}


def share_catalog(root: Path, kept: Path) -> None:
    """Read the catalog once for this process and all that are forked from it.

    They go on with the same one, whatever happens to its files, and have it in memory once.

    Args:
        root: as for ``load_catalog``.
        kept: as for ``load_kept_catalog``.

    Raises:
        CatalogError: as ``load_catalog``.
    """
    _shared[root] = load_kept_catalog(root, kept)


def load_kept_catalog(root: Path, kept: Path) -> Catalog:
    """Read and check the catalog under ``root``, and leave what was parsed to the next process.

    Args:
        root: as for ``load_catalog``.
        kept: file of what was parsed, in the home. What is wrong with it only costs time.

    Returns:
        What ``share_catalog`` has read, where it was called; else what the files say now.

    Raises:
        CatalogError: as ``load_catalog``.
    """
    if root in _shared:
        return _shared[root]
    try:
        KNOWN.load(kept.read_bytes())
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        log.warning("parsed_catalog_not_used", file=str(kept), error=str(error))
    catalog = load_catalog(root)
    if KNOWN.is_new and kept.parent.is_dir():
        keep_parsed(kept)
    return catalog


def keep_parsed(kept: Path) -> None:
    """Write what this process knows; a disk that refuses costs the next process its time."""
    try:
        write_durably(kept, KNOWN.dump())
    except OSError as error:
        log.warning("parsed_catalog_not_kept", file=str(kept), error=str(error))
