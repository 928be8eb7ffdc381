"""``landform admin audit verify`` finds what was done to the trail or its anchors."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import delete, func, select, update

from app import cli
from app.config.settings import Settings
from app.crypto import KeyRing
from app.domain.audit_chain import GENESIS, Anchor, ChainLink
from app.errors import ValidationError
from app.models import AuditEvent, AuditHead
from app.services import audit
from app.services.access import SYSTEM_PRINCIPAL
from app.services.audit_trail.anchors import PURPOSE, Anchorer, sign_end
from app.services.audit_trail.export import as_ndjson
from app.services.audit_trail.trail import chained, read_chain
from app.services.audit_trail.verification import Verification, verify_trail
from app.services.context import Context
from app.services.work import perform
from app.storage.audit_anchors import AnchorFile
from app.storage.volume_errors import VolumeError
from tests.conftest import ENCRYPTION_KEYS
from tests.landform import ADMIN

OTHER_KEY = "k9:" + "A" * 43 + "="


@pytest.fixture
def trail(ctx: Context) -> Context:
    """A trail of 20 events; anchors say of the 10th and of the 15th which hash they had."""
    for count in (10, 15, 20):
        with perform(ctx, ADMIN) as work:
            head = work.session.get_one(AuditHead, audit.HEAD)
            for number in range(head.sequence, count):
                audit.record(work, "test.act", "test", str(number + 1))
        if count < 20:
            Anchorer(ctx).write()
    return ctx


def rechain(ctx: Context) -> None:
    """Compute the chain anew, as somebody would who knows how and may write to the database."""
    last = ChainLink(0, GENESIS)
    with ctx.write() as session:
        for row in session.scalars(select(AuditEvent).order_by(AuditEvent.sequence)).all():
            event = replace(chained(row), sequence=last.sequence + 1, previous_hash=last.hash)
            last = ChainLink(event.sequence, event.compute_hash())
            row.sequence, row.previous_hash, row.hash = (
                last.sequence,
                event.previous_hash,
                last.hash,
            )
            session.flush()
        session.execute(update(AuditHead).values(sequence=last.sequence, hash=last.hash))


def change(ctx: Context, number: int, /, **values: Any) -> None:
    with ctx.write() as session:
        wanted = update(AuditEvent).where(AuditEvent.sequence == number)
        assert session.execute(wanted.values(**values)).rowcount == 1  # type: ignore[attr-defined]


def remove(ctx: Context, first: int, last: int = 10**9) -> None:
    with ctx.write() as session:
        session.execute(delete(AuditEvent).where(AuditEvent.sequence.between(first, last)))


def swap(ctx: Context, one: int, other: int) -> None:
    change(ctx, one, sequence=10**6)
    change(ctx, other, sequence=one)
    change(ctx, 10**6, sequence=other)


def kinds(result: Verification) -> list[tuple[str, int]]:
    return [(item.kind, item.sequence) for item in result.findings]


def anchor_lines(ctx: Context) -> list[bytes]:
    return AnchorFile(ctx.volume()).path.read_bytes().splitlines(keepends=True)


def test_a_trail_that_nobody_touched_is_whole(trail: Context) -> None:
    result = verify_trail(trail)
    assert (result.findings, result.count, result.proven) == ([], 20, 15)


def test_a_fresh_trail_without_any_anchor_is_called_unproven(ctx: Context) -> None:
    assert [kind for kind, _ in kinds(verify_trail(ctx))] == ["unproven"]
    Anchorer(ctx).write()
    assert kinds(verify_trail(ctx)) == []


def test_an_edited_event_is_named(trail: Context) -> None:
    change(trail, 7, actor="eve")
    assert kinds(verify_trail(trail)) == [("changed", 7)]
    change(trail, 7, actor="admin", detail={"added": 1})
    assert kinds(verify_trail(trail)) == [("changed", 7)]


def test_removed_events_are_named(trail: Context) -> None:
    remove(trail, 6, 8)
    assert ("missing", 6) in kinds(verify_trail(trail))


def test_events_that_changed_places_are_named(trail: Context) -> None:
    swap(trail, 5, 9)
    assert {5, 9} <= {sequence for _, sequence in kinds(verify_trail(trail))}


def test_an_event_that_was_put_in_is_named(trail: Context) -> None:
    with trail.write() as session:
        values = {
            **chained(session.scalars(select(AuditEvent).filter_by(sequence=3)).one()).to_dict(),
            "id": "evt_forged",
            "sequence": 21,
        }
        values |= {"actor": "eve", "actor_kind": "user", "at": sign_time(session)}
        session.add(AuditEvent(**values))
    assert kinds(verify_trail(trail))[0][1] == 21


def sign_time(session: Any) -> Any:
    return session.scalar(select(func.max(AuditEvent.at)))


@pytest.mark.parametrize("first", [20, 16, 12, 1])
def test_a_cut_tail_is_found(trail: Context, first: int) -> None:
    remove(trail, first)
    assert kinds(verify_trail(trail))[0] == ("cut", first)


@pytest.mark.parametrize("first", [15, 12, 8])
def test_a_cut_tail_is_found_also_when_the_chain_was_mended(trail: Context, first: int) -> None:
    remove(trail, first)
    rechain(trail)
    assert kinds(verify_trail(trail)) == [("cut", first)]


@pytest.mark.parametrize(
    "forge",
    [
        lambda ctx: change(ctx, 4, actor="eve"),
        lambda ctx: remove(ctx, 4, 4),
        lambda ctx: swap(ctx, 4, 5),
    ],
)
def test_a_chain_computed_anew_without_the_key_is_found(
    trail: Context, forge: Callable[[Context], None]
) -> None:
    forge(trail)
    rechain(trail)
    found = kinds(verify_trail(trail))
    assert found[:2] == [("rewritten", 10), ("rewritten", 15)]


def test_anchors_made_without_the_key_are_found(trail: Context) -> None:
    change(trail, 4, actor="eve")
    rechain(trail)
    forger = KeyRing.parse(OTHER_KEY.replace("k9", "k1"))
    anchor = sign_end(trail)
    key, signature = forger.sign(anchor.signed_part(), PURPOSE)
    file = AnchorFile(trail.volume())
    file.path.write_bytes(replace(anchor, key=key, signature=signature).to_line())
    assert [kind for kind, _ in kinds(verify_trail(trail))] == ["forged", "unproven"]


@pytest.mark.parametrize("part", ["sequence", "hash", "at", "volume", "signature"])
def test_an_anchor_that_was_edited_is_found(trail: Context, part: str) -> None:
    lines = anchor_lines(trail)
    said = json.loads(lines[0])
    said[part] = said[part] + 1 if part == "sequence" else said[part].replace("2", "3") + "0"
    path = AnchorFile(trail.volume()).path
    path.write_bytes(json.dumps(said).encode() + b"\n" + lines[1])
    assert [kind for kind, _ in kinds(verify_trail(trail))] == ["forged"]


def test_a_signature_of_another_purpose_is_no_anchor(trail: Context) -> None:
    anchor = sign_end(trail)
    key, signature = trail.keys.sign(anchor.signed_part(), "something else")
    AnchorFile(trail.volume()).append(replace(anchor, key=key, signature=signature))
    assert [kind for kind, _ in kinds(verify_trail(trail))] == ["forged"]


@pytest.mark.parametrize(
    "line",
    [b"", b"{}", b"[]", b"null", b"\xff\xfe", b'{"sequence": "1"}', b"[" * 5000, b'{"sequ'],
)
def test_a_torn_line_is_told_and_the_next_anchor_stands_on_its_own(
    trail: Context, line: bytes
) -> None:
    with AnchorFile(trail.volume()).path.open("ab") as file:
        file.write(line)
    Anchorer(trail).write()
    result = verify_trail(trail)
    assert (result.findings, result.proven) == ([], 20)
    assert result.anchors.damaged == (1 if line else 0)


def test_anchors_of_a_key_that_is_gone_are_told_until_a_newer_one_vouches(trail: Context) -> None:
    rotated = replace(trail, keys=KeyRing.parse(f"{OTHER_KEY},{ENCRYPTION_KEYS}"))
    later = replace(trail, keys=KeyRing.parse(OTHER_KEY))
    result = verify_trail(later)
    assert kinds(result) == [("unproven", 15)]
    assert result.anchors.unchecked == {"k1": 15}
    Anchorer(rotated).write()
    result = verify_trail(later)
    assert (kinds(result), result.proven) == ([], 20)
    change(trail, 4, actor="eve")
    rechain(trail)
    assert ("rewritten", 20) in kinds(verify_trail(later))


def test_an_anchor_is_written_only_when_there_is_something_new(trail: Context) -> None:
    anchorer = Anchorer(trail)
    for _ in range(3):
        anchorer.write()
        anchorer.keep()
    assert len(anchor_lines(trail)) == 3
    with perform(trail, SYSTEM_PRINCIPAL) as work:
        audit.record(work, "test.act", "test", "x")
    anchorer.keep()  # not due yet
    assert len(anchor_lines(trail)) == 3
    anchorer.write()
    last = Anchor.from_line(anchor_lines(trail)[-1])
    assert last is not None
    assert last.sequence == 21


def test_a_volume_that_is_away_is_told_by_the_check_and_passed_over_by_the_duty(
    trail: Context, tmp_path: Path
) -> None:
    trail.volume().root.rename(tmp_path / "away")
    Anchorer(trail).write()
    with pytest.raises(VolumeError):
        verify_trail(trail)


def test_an_archive_and_the_rest_in_sql_are_one_trail(trail: Context, tmp_path: Path) -> None:
    parts = [tmp_path / "one.ndjson", tmp_path / "two.ndjson"]
    events = list(read_chain(trail))
    for path, part in zip(parts, (events[:6], events[6:]), strict=True):
        path.write_text("".join(as_ndjson(part)))
    remove(trail, 1, 8)
    assert kinds(verify_trail(trail))[0] == ("missing", 1)
    result = verify_trail(trail, parts)
    assert (result.findings, result.count, result.proven) == ([], 20, 15)
    parts[0].write_text(parts[0].read_text().replace("admin", "eve", 1))
    assert [kind for kind, _ in kinds(verify_trail(trail, parts))] == ["changed"]
    assert kinds(verify_trail(trail, parts[1:]))[0] == ("missing", 1)


@pytest.mark.parametrize("text", ["{", "[]", '{"sequence": 1}', "null", "\x00", "a,b,c"])
def test_what_is_no_archive_is_refused_with_its_line(
    trail: Context, tmp_path: Path, text: str
) -> None:
    path = tmp_path / "archive"
    path.write_text("".join(as_ndjson(list(read_chain(trail))[:2])) + text + "\n")
    with pytest.raises(ValidationError, match="Line 3"):
        verify_trail(trail, [path])


@pytest.fixture
def command(
    trail: Context, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Return a caller of ``landform`` in the environment of the trail; gives status and words."""
    settings = trail.settings
    for name, value in settings.model_dump().items():
        if value != Settings.model_fields[name].default:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            monkeypatch.setenv(f"LANDFORM_{name.upper()}", text)

    def call(*words: str) -> tuple[int, str]:
        status = cli.main(list(words))
        told = capsys.readouterr()
        return status, told.out + told.err

    return call


def test_the_command_says_that_all_is_well_or_what_is_wrong(
    trail: Context, command: Callable[..., tuple[int, str]]
) -> None:
    status, words = command("audit", "verify")
    assert (status, "The trail is whole." in words) == (0, True), words
    assert "20 events" in words
    assert "up to 15" in words
    change(trail, 3, actor="eve")
    status, words = command("audit", "verify")
    assert (status, "CHANGED: Event 3 " in words) == (1, True), words


def test_the_command_refuses_what_it_cannot_check(
    command: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    status, words = command("audit", "verify", "--archive", str(tmp_path / "none"))
    assert (status, "[validation_failed]" in words) == (2, True)


def test_the_exported_trail_is_private_whole_and_an_event_itself(
    trail: Context, command: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    path = tmp_path / "audit.ndjson"
    assert command("audit", "export", "-o", str(path)) == (0, "")
    assert path.stat().st_mode & 0o777 == 0o600
    lines = path.read_text().splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(1, 22))
    assert json.loads(lines[-1])["action"] == "audit.export"
    assert command("audit", "export", "-o", str(path))[0] == 2, "never over a file"
    remove(trail, 1, 12)
    assert command("audit", "verify", "--archive", str(path))[0] == 0
    status, words = command("audit", "export", "--format", "csv", "--since", "2999-01-01")
    assert (status, words.count("\n")) == (0, 1), "the titles alone"
