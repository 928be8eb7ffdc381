"""Damage of every kind is found without restoring anything, and each is one sentence."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from app.crypto import KeyRing
from app.models import Stack
from app.services.backup import manifest as module
from app.services.backup.create import create_backup
from app.services.backup.manifest import NAME
from app.services.backup.verify import verify_backup
from app.services.context import Context, build_context
from app.services.installation.setup import prepare
from app.storage.sealed_states import S3SealedStates
from tests.conftest import ENCRYPTION_KEYS, MakeSettings
from tests.landform import NOWHERE
from tests.moto_cloud import Moto
from tests.services.backup.conftest import save
from tests.services.some_stacks import create, make_ready
from tests.state_bucket import StateBucket

OTHER = base64.b64encode(bytes(range(1, 33))).decode()


def details(ctx: Context, folder: Path) -> list[str]:
    result = verify_backup(ctx.keys, folder)
    assert result.is_whole == (not result.problems)
    return [item.detail for item in result.problems]


def flip(path: Path, at: int = -1) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_in_any_file_is_found(ctx: Context, folder: Path) -> None:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]
    assert {path.parent.name for path in paths} >= {"sql", "backup"}
    for path in paths:
        whole = path.read_bytes()
        flip(path, len(whole) // 2)
        found = details(ctx, folder)
        assert path.name in " ".join(found)
        path.write_bytes(whole)
    assert details(ctx, folder) == []


def test_a_missing_file_of_any_kind_is_named(ctx: Context, folder: Path) -> None:
    state = next((folder / "states").rglob("*.tfstate"))
    for path in (folder / "sql" / "users.jsonl", state, folder / "sql" / "state_versions.jsonl"):
        whole = path.read_bytes()
        path.unlink()
        assert any(f"{path.name} is missing." in detail for detail in details(ctx, folder))
        path.write_bytes(whole)


def test_a_file_that_is_too_much_is_named(ctx: Context, folder: Path) -> None:
    (folder / "states" / "extra.txt").write_text("x")
    (folder / "link").symlink_to("/etc/hostname")
    assert details(ctx, folder) == [
        "link is not in the manifest.",
        "states/extra.txt is not in the manifest.",
    ]


@pytest.mark.parametrize("keep", [0, 1, 100, -2])
def test_a_manifest_that_is_cut_short_proves_nothing(ctx: Context, folder: Path, keep: int) -> None:
    path = folder / NAME
    path.write_bytes(path.read_bytes()[:keep])
    result = verify_backup(ctx.keys, folder)
    assert result.manifest is None
    assert "is cut short or was changed" in result.problems[0].detail


def edit_rows(told: dict[str, object]) -> None:
    manifest = told["manifest"]
    assert isinstance(manifest, dict)
    manifest["tables"][0]["rows"] += 1


def forget_state(told: dict[str, object]) -> None:
    manifest = told["manifest"]
    assert isinstance(manifest, dict)
    path = next(path for path in manifest["files"] if path.startswith("states/"))
    del manifest["files"][path]


@pytest.mark.parametrize("edit", [edit_rows, forget_state])
@pytest.mark.parametrize("is_digest_made_anew", [False, True])
def test_a_manifest_that_was_edited_proves_nothing(
    ctx: Context,
    folder: Path,
    edit: Callable[[dict[str, object]], None],
    is_digest_made_anew: bool,
) -> None:
    told = json.loads((folder / NAME).read_bytes())
    edit(told)
    if is_digest_made_anew:
        told["sha256"] = module._digest(told["manifest"])
    (folder / NAME).write_text(json.dumps(told))
    (detail,) = details(ctx, folder)
    assert "was changed" in detail


def test_the_wrong_key_ring_is_said(ctx: Context, folder: Path) -> None:
    renamed = KeyRing.parse(ENCRYPTION_KEYS.replace("k1:", "k2:"))
    (problem,) = verify_backup(renamed, folder).problems
    assert "signed with key 'k1', which is not in LANDFORM_ENCRYPTION_KEYS" in problem.detail
    (problem,) = verify_backup(KeyRing.parse(f"k1:{OTHER}"), folder).problems
    assert "another key named 'k1'" in problem.detail


def test_a_key_that_states_need_and_the_ring_has_lost_is_named(
    ctx: Context, stack: Stack, make_settings: MakeSettings, tmp_path: Path
) -> None:
    """The newest key signed it, but older states are under an older one."""
    both = replace(ctx, keys=KeyRing.parse(f"k2:{OTHER},{ENCRYPTION_KEYS}"))
    create_backup(both, tmp_path / "backup")
    assert verify_backup(both.keys, tmp_path / "backup").is_whole
    newest = KeyRing.parse(f"k2:{OTHER}")
    found = [item.detail for item in verify_backup(newest, tmp_path / "backup").problems]
    assert found[0].startswith("Key k1 (fingerprint ")
    assert sum("does not open" in detail for detail in found) == 3


def test_a_folder_that_is_no_backup_is_said(ctx: Context, tmp_path: Path) -> None:
    assert "is no backup" in details(ctx, tmp_path)[0]


def test_states_in_a_bucket_are_in_it_too(
    make_settings: MakeSettings, tmp_path: Path, moto: Moto
) -> None:
    bucket = StateBucket(moto)
    settings = make_settings(
        home=tmp_path / "s3", redis_url=NOWHERE, state_backend="s3", **bucket.settings
    )
    prepare(settings, "a token of no cloud")
    ctx = build_context(settings)
    made = create(ctx, "web", cidr="10.7.0.0/16")
    make_ready(ctx, made)
    save(ctx, made.id, 1)
    manifest = create_backup(ctx, tmp_path / "backup")
    (path,) = [path for path in manifest.files if path.startswith("states/")]
    assert (tmp_path / "backup" / path).read_bytes() in bucket.objects().values()
    assert verify_backup(ctx.keys, tmp_path / "backup").is_whole
    assert ctx.bucket is not None
    assert S3SealedStates(ctx.bucket).stacks() == {made.id}
    ctx.db.close()
