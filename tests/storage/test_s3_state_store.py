"""A bucket as the place of state: one writer, one winner, and each refusal of S3 in words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import utc_now
from app.crypto import KeyRing
from app.domain.fences import Fence
from app.domain.state_errors import StateSerialError
from app.errors import StackBusyError
from app.storage.s3_bucket import BucketPlace, S3Bucket
from app.storage.s3_errors import (
    StateBucketDeniedError,
    StateBucketError,
    StateBucketMissingError,
    StateBucketThrottledError,
    StateBucketUnversionedError,
    StateLockedElsewhereError,
)
from app.storage.s3_lock import MORE, LockTerms, S3LockFile
from app.storage.s3_state_store import S3StateStore
from app.terraform.discovery import discover
from tests.aws_actions import allowed_actions, find_refused
from tests.aws_proxy import Proxy
from tests.moto_cloud import KEYS, Moto
from tests.ports import free_port
from tests.state_bucket import REGION, StateBucket, before_writing, connect

MakeState = Callable[..., bytes]
MakeStore = Callable[..., S3StateStore]
STACK = "stk_01"
POINTER = f"landform/stacks/{STACK}/terraform.tfstate"
LOCK_FILE = f"{POINTER}.tflock"
# As Terraform 1.11 writes it.
PERSONS_LOCK = {
    "ID": "8d6b1d2e-4f1a-0c1d-6a51-7a2c62a0b4b9",
    "Operation": "OperationTypeApply",
    "Info": "",
    "Who": "anna@laptop",
    "Version": "1.11.4",
    "Created": "2026-11-20T08:15:30.123456Z",
    "Path": f"states/{POINTER}",
}


@pytest.fixture
def proxy(moto: Moto) -> Iterator[Proxy]:
    proxy = Proxy(moto.port)
    yield proxy
    proxy.close()


@pytest.fixture
def make_store(bucket: StateBucket, terms: LockTerms, keys: KeyRing) -> MakeStore:
    """Return a factory of stores in the same bucket: by an endpoint, or with a client."""

    def make(endpoint: str | None = None, client: Any = None) -> S3StateStore:
        return S3StateStore(bucket.open(endpoint, client), keys, terms)

    return make


def test_a_lock_file_as_terraform_writes_it_is_there_while_somebody_writes(
    s3_store: S3StateStore, bucket: StateBucket, terms: LockTerms
) -> None:
    with s3_store.fenced(Fence(7, "w")).hold(STACK, 0):
        lock = json.loads(bucket.read(LOCK_FILE))
    more = lock.pop(MORE)
    assert (more["fence"], more["writer"]) == (7, "w")
    assert datetime.fromisoformat(more["expires"]) > utc_now() + timedelta(seconds=30)
    assert set(lock) == set(PERSONS_LOCK)
    assert lock["Path"] == f"{bucket.place.bucket}/{POINTER}"
    assert lock["Who"].startswith("landform@")
    assert lock["Info"] == f"landform {terms.installation_id}"
    assert bucket.names() == [POINTER]


def test_an_error_inside_the_block_leaves_no_lock_file(
    s3_store: S3StateStore, bucket: StateBucket
) -> None:
    with pytest.raises(ZeroDivisionError), s3_store.hold(STACK, 0):
        raise ZeroDivisionError
    assert bucket.names() == []


@pytest.mark.parametrize("content", [json.dumps(PERSONS_LOCK).encode(), b"{", b"[]", b'"x"'])
def test_a_lock_of_somebody_else_keeps_landform_out_and_is_left_alone(
    s3_store: S3StateStore, bucket: StateBucket, content: bytes
) -> None:
    bucket.write(LOCK_FILE, content)
    assert s3_store.is_held(STACK)
    with pytest.raises(StateLockedElsewhereError), s3_store.hold(STACK, 0):
        pass
    assert bucket.read(LOCK_FILE) == content
    bucket.remove(LOCK_FILE)
    assert not s3_store.is_held(STACK)
    with s3_store.hold(STACK, 0):
        pass


def test_who_holds_the_lock_since_when_and_how_to_force_it_is_said(
    s3_store: S3StateStore, bucket: StateBucket
) -> None:
    bucket.write(LOCK_FILE, json.dumps(PERSONS_LOCK).encode())
    with pytest.raises(StateLockedElsewhereError) as caught, s3_store.hold(STACK, 0):
        pass
    for said in ("anna@laptop", "2026-11-20T08:15:30", PERSONS_LOCK["ID"], LOCK_FILE):
        assert said in caught.value.detail
    assert caught.value.context["lock"]["Who"] == "anna@laptop"
    assert "force-unlock" in caught.value.advice


def test_a_lock_that_is_let_go_meanwhile_is_waited_for(
    s3_store: S3StateStore, bucket: StateBucket
) -> None:
    bucket.write(LOCK_FILE, json.dumps(PERSONS_LOCK).encode())
    ending = threading.Timer(0.5, bucket.remove, [LOCK_FILE])
    ending.start()
    with s3_store.hold(STACK, 60):
        assert json.loads(bucket.read(LOCK_FILE))["Who"].startswith("landform@")
    ending.join()


def test_a_lock_file_that_a_former_version_left_is_taken_over(
    s3_store: S3StateStore, bucket: StateBucket, terms: LockTerms
) -> None:
    left = json.dumps({**PERSONS_LOCK, "Info": f"landform {terms.installation_id}"}).encode()
    bucket.write(LOCK_FILE, left)
    assert not s3_store.is_held(STACK)
    with s3_store.hold(STACK, 0):
        assert bucket.read(LOCK_FILE) != left
    assert bucket.names() == []


def test_a_lock_file_of_another_landform_is_not_taken_over(
    s3_store: S3StateStore, bucket: StateBucket, terms: LockTerms
) -> None:
    foreign = replace(terms, installation_id="vol_of_another", lease_seconds=-1)
    S3LockFile(bucket.open(), POINTER, foreign, Fence(1, "a")).take(0, overtakes=True)
    later = s3_store.fenced(Fence(2, "b"))
    with pytest.raises(StateLockedElsewhereError), later.hold(STACK, 0, overtakes=True):
        pass


def test_the_lock_file_stays_while_a_terraform_lives_that_inherited_the_lock(
    s3_store: S3StateStore, bucket: StateBucket
) -> None:
    with s3_store.hold(STACK, 0) as held:
        inherited = os.dup(held.descriptor)
    assert LOCK_FILE in bucket.names()
    assert s3_store.is_held(STACK)
    with pytest.raises(StackBusyError), s3_store.hold(STACK, 0):
        pass
    os.close(inherited)
    with s3_store.hold(STACK, 0, overtakes=True):
        pass
    assert not s3_store.is_held(STACK)
    assert bucket.names() == []


def test_a_lock_file_that_cannot_be_removed_stands_in_nobodys_way(
    make_store: MakeStore, bucket: StateBucket, proxy: Proxy
) -> None:
    store = make_store(proxy.endpoint)
    proxy.fail("DELETE *", 403, "AccessDenied")
    with store.hold(STACK, 0):
        pass
    assert bucket.names() == [LOCK_FILE]
    with store.hold(STACK, 0, overtakes=True):
        pass
    assert bucket.names() == []


CONFIGURATION = """
terraform {
  backend "s3" {
    bucket                      = "@BUCKET@"
    key                         = "@KEY@"
    region                      = "@REGION@"
    endpoints                   = { s3 = "@ENDPOINT@" }
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_metadata_api_check     = true
    skip_requesting_account_id  = true
    skip_region_validation      = true
  }
}
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "sleep 60"
  }
}
"""


class PlainTerraform:
    """Terraform as a person uses it, with its own S3 backend on the key of a stack."""

    def __init__(self, folder: Path, bucket: StateBucket) -> None:
        folder.mkdir()
        text = CONFIGURATION.replace("@BUCKET@", bucket.place.bucket).replace("@KEY@", POINTER)
        text = text.replace("@REGION@", REGION).replace("@ENDPOINT@", bucket.moto.endpoint)
        (folder / "main.tf").write_text(text)
        self._folder = folder
        self._binary = discover(os.environ.get("LANDFORM_TERRAFORM", "")).path
        done = self.run("init")
        assert done.returncode == 0, done.stdout

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        with self.start(*arguments) as process:
            output, _ = process.communicate(timeout=120)
        return subprocess.CompletedProcess(arguments, process.returncode, output)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self._binary, *arguments, "-input=false", "-no-color"],
            cwd=self._folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._folder),
                "AWS_ACCESS_KEY_ID": KEYS["access_key_id"],
                "AWS_SECRET_ACCESS_KEY": KEYS["secret_access_key"],
            },
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


def test_plain_terraform_on_the_key_and_landform_keep_each_other_out(
    s3_store: S3StateStore, bucket: StateBucket, tmp_path: Path, make_state: MakeState
) -> None:
    plain = PlainTerraform(tmp_path / "plain", bucket)
    with s3_store.hold(STACK, 0):
        refused = plain.run("plan")
    assert refused.returncode == 1
    assert "Error acquiring the state lock" in refused.stdout
    assert "landform@" in refused.stdout
    with plain.start("apply", "-auto-approve") as applying:
        deadline = time.monotonic() + 60
        while LOCK_FILE not in bucket.names():
            assert applying.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with pytest.raises(StateLockedElsewhereError, match="Created 20"), s3_store.hold(STACK, 0):
            pass
        applying.send_signal(signal.SIGINT)
        applying.communicate(timeout=120)
    bucket.remove(POINTER)
    s3_store.promote(STACK, make_state(1))
    before = bucket.objects()
    unreadable = plain.run("plan")
    assert unreadable.returncode == 1
    assert "to add" not in unreadable.stdout
    assert bucket.objects() == before


def test_of_two_writers_the_higher_serial_wins_and_the_other_is_told(
    make_store: MakeStore, make_state: MakeState, moto: Moto
) -> None:
    rival = make_store()
    rival.promote(STACK, make_state(1))
    client = connect(moto.endpoint)
    before_writing(client, "terraform.tfstate", lambda: rival.promote(STACK, make_state(3)))
    with pytest.raises(StateSerialError):
        make_store(client=client).promote(STACK, make_state(2))
    present = rival.current(STACK)
    assert present is not None
    assert present.serial == 3
    assert rival.read(STACK, 3, present.sha256) == make_state(3)


def test_a_writer_that_loses_to_a_lower_serial_tries_again(
    make_store: MakeStore, make_state: MakeState, moto: Moto
) -> None:
    rival = make_store()
    rival.promote(STACK, make_state(1))
    client = connect(moto.endpoint)
    before_writing(client, "terraform.tfstate", lambda: rival.promote(STACK, make_state(2)))
    stored = make_store(client=client).promote(STACK, make_state(3))
    assert rival.current(STACK) == stored


def test_two_first_states_at_once_leave_one(
    make_store: MakeStore, make_state: MakeState, moto: Moto
) -> None:
    rival = make_store()
    client = connect(moto.endpoint)
    before_writing(
        client, "terraform.tfstate", lambda: rival.promote(STACK, make_state(1, secret="other"))
    )
    with pytest.raises(StateSerialError):
        make_store(client=client).promote(STACK, make_state(1))
    present = rival.current(STACK)
    assert present is not None
    assert rival.read(STACK, 1, present.sha256) == make_state(1, secret="other")


def test_a_writer_gives_up_when_others_are_always_faster(
    make_store: MakeStore, bucket: StateBucket, make_state: MakeState, moto: Moto
) -> None:
    make_store().promote(STACK, make_state(1))
    client, pointer = connect(moto.endpoint), bucket.read(POINTER)
    # The same pointer with other spaces has another ETag.
    spaces = iter(range(1, 100))
    before_writing(
        client,
        "terraform.tfstate",
        lambda: bucket.write(POINTER, pointer + b" " * next(spaces)),
        times=100,
    )
    with pytest.raises(StackBusyError):
        make_store(client=client).promote(STACK, make_state(2))
    present = make_store().current(STACK)
    assert present is not None
    assert present.serial == 1


def test_a_write_whose_answer_is_lost_is_not_taken_for_a_rivals(
    make_store: MakeStore, make_state: MakeState, proxy: Proxy
) -> None:
    make_store().promote(STACK, make_state(1))
    proxy.hold_answer_of("PUT *terraform.tfstate*")
    impatient = connect(proxy.endpoint, read_timeout=2)
    stored = make_store(client=impatient).promote(STACK, make_state(2))
    assert make_store().current(STACK) == stored


FAULTS = [
    (500, "InternalError", StateBucketError),
    (503, "ServiceUnavailable", StateBucketError),
    (503, "SlowDown", StateBucketThrottledError),
    (403, "AccessDenied", StateBucketDeniedError),
    (403, "InvalidAccessKeyId", StateBucketDeniedError),
    (400, "ExpiredToken", StateBucketDeniedError),
    (400, "KMS.DisabledException", StateBucketDeniedError),
    (404, "NoSuchBucket", StateBucketMissingError),
]


@pytest.mark.parametrize("call", ["GET *terraform.tfstate*", "PUT */versions/*", "PUT *terraform*"])
@pytest.mark.parametrize(("status", "code", "error"), FAULTS)
def test_each_refusal_is_a_typed_error_and_changes_nothing(
    make_store: MakeStore,
    make_state: MakeState,
    proxy: Proxy,
    status: int,
    code: str,
    error: type[StateBucketError],
    call: str,
) -> None:
    stored = make_store().promote(STACK, make_state(1))
    store = make_store(client=connect(proxy.endpoint, retries={"total_max_attempts": 1}))
    proxy.fail(call, status, code, times=10)
    with pytest.raises(StateBucketError) as caught:
        store.promote(STACK, make_state(2))
    assert type(caught.value) is error
    assert code in caught.value.detail or "no bucket" in caught.value.detail
    assert KEYS["secret_access_key"] not in f"{caught.value.detail} {caught.value.advice}"
    proxy.rules.clear()
    assert store.current(STACK) == stored
    assert store.promote(STACK, make_state(2)).serial == 2


def test_a_short_fault_is_not_noticed(
    make_store: MakeStore, make_state: MakeState, proxy: Proxy
) -> None:
    proxy.fail("PUT *", 503, "SlowDown")
    assert make_store(proxy.endpoint).promote(STACK, make_state(1)).serial == 1


def test_an_endpoint_that_does_not_answer_is_said_by_every_call(
    make_store: MakeStore, make_state: MakeState
) -> None:
    store = make_store(f"http://127.0.0.1:{free_port()}")
    for call in (
        lambda: store.current(STACK),
        lambda: store.promote(STACK, make_state(1)),
        lambda: store.versions(STACK),
        lambda: store.hold(STACK, 0).__enter__(),
    ):
        with pytest.raises(StateBucketError, match="EndpointConnectionError"):
            call()


def test_a_missing_bucket_is_said_by_every_call(
    moto: Moto, terms: LockTerms, keys: KeyRing, make_state: MakeState
) -> None:
    client = connect(moto.endpoint)
    missing = S3Bucket(BucketPlace("there-is-no-such-bucket"), lambda: client)
    store = S3StateStore(missing, keys, terms)
    for call in (
        missing.check,
        lambda: store.current(STACK),
        lambda: store.read(STACK, 1, "0" * 64),
        lambda: store.promote(STACK, make_state(1)),
        lambda: store.versions(STACK),
        lambda: store.delete_version(STACK, 1, "0" * 64),
        lambda: store.hold(STACK, 0).__enter__(),
    ):
        with pytest.raises(StateBucketMissingError, match="there-is-no-such-bucket"):
            call()


def test_a_bucket_without_versioning_is_refused(bucket: StateBucket) -> None:
    bucket.open().check()
    bucket.set_versioning("Suspended")
    with pytest.raises(StateBucketUnversionedError, match=bucket.place.bucket):
        bucket.open().check()


def test_what_was_overwritten_is_kept_by_the_bucket(
    s3_store: S3StateStore, bucket: StateBucket, make_state: MakeState
) -> None:
    for serial in (1, 2, 3):
        s3_store.promote(STACK, make_state(serial))
    kept = bucket.client.list_object_versions(Bucket=bucket.place.bucket, Prefix=POINTER)
    assert len(kept["Versions"]) == 4  # with the one that says "no state yet"


@pytest.mark.parametrize(
    ("kms_key", "expected"),
    [("", ("AES256", None)), ("arn:aws:kms:eu-west-1:1:key/k", ("aws:kms", "key/k"))],
)
def test_every_object_is_encrypted_by_s3_too(
    bucket: StateBucket,
    terms: LockTerms,
    keys: KeyRing,
    make_state: MakeState,
    kms_key: str,
    expected: tuple[str, str | None],
) -> None:
    place, client = BucketPlace(bucket.place.bucket, "x/y", kms_key), connect(bucket.moto.endpoint)
    store = S3StateStore(S3Bucket(place, lambda: client), keys, terms)
    with store.hold(STACK, 0):
        store.promote(STACK, make_state(1))
        heads = {
            key: bucket.client.head_object(Bucket=place.bucket, Key=key) for key in bucket.names()
        }
    assert len(heads) == 3
    for key, head in heads.items():
        assert key.startswith(f"x/y/stacks/{STACK}/")
        assert head["ServerSideEncryption"] == expected[0]
        assert (head.get("SSEKMSKeyId") or "").endswith(expected[1] or "")


def test_the_policy_of_the_documents_allows_what_is_called_and_no_more(
    make_store: MakeStore, bucket: StateBucket, make_state: MakeState, proxy: Proxy
) -> None:
    store = make_store(proxy.endpoint)
    bucket.open(proxy.endpoint).check()
    with store.hold(STACK, 0):
        first = store.promote(STACK, make_state(1))
        store.promote(STACK, make_state(2))
        store.delete_version(STACK, 1, first.sha256)
    assert find_refused(proxy.calls, "state") == []
    assert {call.needs() for call in proxy.calls} == set(allowed_actions("state"))


WRITER = """
import sys
from pathlib import Path
from app.crypto import KeyRing
from app.storage.s3_bucket import BucketPlace, S3Bucket
from app.clock import utc_now
from app.domain.fences import Fence
from app.storage.s3_lock import LockTerms
from app.storage.s3_state_store import S3StateStore
from tests.state_bucket import connect
root, fence, bucket, endpoint, template = sys.argv[1:]
client = connect(endpoint)
place = BucketPlace(bucket, "landform")
keys = KeyRing("k1", {"k1": bytes(range(32))})
terms = LockTerms(Path(root), "vol_01", utc_now, 60.0)
store = S3StateStore(S3Bucket(place, lambda: client), keys, terms, Fence(int(fence), "w"))
start = store.current("stk_01")
serial = start.serial if start else 0
with store.hold("stk_01", 0, overtakes=True):
    while True:
        serial += 1
        store.promote("stk_01", template.replace("@SERIAL@", str(serial)).encode())
        print(serial, flush=True)
"""


def test_a_writer_killed_at_any_moment_loses_no_acknowledged_state_and_blocks_nobody(
    s3_store: S3StateStore, bucket: StateBucket, terms: LockTerms, make_state: MakeState
) -> None:
    template = make_state(987654321).decode().replace("987654321", "@SERIAL@")
    for round_number in range(3):
        with subprocess.Popen(
            [
                *(sys.executable, "-c", WRITER, str(terms.folder), str(2 * round_number + 1)),
                *(bucket.place.bucket, bucket.moto.endpoint, template),
            ],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        ) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(0.02 + 0.013 * round_number)
            os.kill(writer.pid, signal.SIGKILL)
            acknowledged = [int(line) for line in writer.stdout.read().split()]
        assert LOCK_FILE in bucket.names()
        after = s3_store.fenced(Fence(2 * round_number + 2, "t"))
        with after.hold(STACK, 0, overtakes=True):
            current = s3_store.current(STACK)
            assert current is not None
            assert current.serial >= max(acknowledged, default=1)
            data = s3_store.read(STACK, current.serial, current.sha256)
            assert data == template.replace("@SERIAL@", str(current.serial)).encode()
