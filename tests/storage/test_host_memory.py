"""The memory of a host is that of the machine, or of the control groups that bound it."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.storage.host_memory import MIB, HostMemory, read_host_memory

MEMINFO = "MemTotal:  8388608 kB\nMemFree: 100 kB\nMemAvailable:  4194304 kB\nHugePages: 0\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A machine of 8 GiB of which 4 are available, without any group."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(MEMINFO)
    return tmp_path


def group(root: Path, line: str, folder: str, **files: object) -> None:
    (root / "proc/self/cgroup").write_text(line + "\n")
    place = root / "sys/fs/cgroup" / folder
    place.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (place / f"memory.{name}").write_text(f"{text}\n")


def test_without_groups_it_is_the_machine(root: Path) -> None:
    assert read_host_memory(root) == HostMemory(8192, 4096)


def test_a_container_has_what_its_limit_leaves_and_its_cache_counts_as_free(root: Path) -> None:
    stat = f"anon 5\ninactive_file {100 * MIB}\nactive_file 7"
    group(root, "0::/", "", max=1024 * MIB, current=700 * MIB, stat=stat)
    assert read_host_memory(root) == HostMemory(1024, 424)


def test_the_old_version_of_groups_counts_too(root: Path) -> None:
    stat = f"cache 9\ntotal_inactive_file {24 * MIB}"
    group(
        root,
        "4:memory:/pod/one",
        "memory/pod/one",
        limit_in_bytes=512 * MIB,
        usage_in_bytes=500 * MIB,
        stat=stat,
    )
    assert read_host_memory(root) == HostMemory(512, 36)


def test_the_narrowest_of_nested_groups_counts(root: Path) -> None:
    group(root, "0::/outer/inner", "outer", max=600 * MIB, current=500 * MIB)
    group(root, "0::/outer/inner", "outer/inner", max="max", current=100 * MIB)
    assert read_host_memory(root) == HostMemory(600, 100)


def test_a_limit_beyond_the_machine_is_none(root: Path) -> None:
    group(root, "0::/", "", max=10**15, current=5)
    assert read_host_memory(root) == HostMemory(8192, 4096)


def test_more_than_the_limit_in_use_leaves_nothing(root: Path) -> None:
    group(root, "0::/", "", max=10 * MIB, current=50 * MIB)
    assert read_host_memory(root) == HostMemory(10, 0)


@pytest.mark.parametrize("text", ["", "MemTotal: x kB\nMemAvailable: 1 kB\n", "nonsense\n"])
def test_what_cannot_be_read_is_none(root: Path, text: str) -> None:
    (root / "proc/meminfo").write_text(text)
    assert read_host_memory(root) is None


def test_this_machine_tells() -> None:
    found = read_host_memory()
    assert found is not None
    assert 0 < found.available <= found.total
