import os

import pytest

from util_services.engines.memory import memory_ceiling

MACHINE = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
UNLIMITED_V1 = "9223372036854771712"


@pytest.fixture
def machine(tmp_path):
    """Return a function that lays out what a machine tells of its control groups."""

    def lay_out(groups, limits):
        for name, text in {"proc/self/cgroup": groups, **limits}.items():
            file = tmp_path / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{text}\n", encoding="utf-8")
        return tmp_path

    return lay_out


@pytest.mark.parametrize(
    ("groups", "limits", "ceiling"),
    [
        ("0::/", {"sys/fs/cgroup/memory.max": "1000000"}, 1_000_000),
        ("0::/", {"sys/fs/cgroup/memory.max": "max"}, MACHINE),
        ("0::/a/b", {"sys/fs/cgroup/a/b/memory.max": "2000000"}, 2_000_000),
        (
            "0::/a/b",
            {
                "sys/fs/cgroup/a/memory.max": "1000000",
                "sys/fs/cgroup/a/b/memory.max": "2000000",
            },
            1_000_000,
        ),
        (
            "12:pids:/x\n4:cpu,memory:/pod:1/c",
            {"sys/fs/cgroup/memory/pod:1/c/memory.limit_in_bytes": "3000000"},
            3_000_000,
        ),
        (
            "4:memory:/on/the/host\n0::/",
            {"sys/fs/cgroup/memory/memory.limit_in_bytes": "4000000"},
            4_000_000,
        ),
        (
            "4:memory:/",
            {"sys/fs/cgroup/memory/memory.limit_in_bytes": UNLIMITED_V1},
            MACHINE,
        ),
        ("0::/../other", {"sys/fs/cgroup/memory.max": "5000000"}, 5_000_000),
        ("nonsense", {"sys/fs/cgroup/memory.max": "nonsense"}, MACHINE),
    ],
)
def test_the_least_limit_of_the_groups_around_a_process_is_the_ceiling(
    machine, groups, limits, ceiling
):
    assert memory_ceiling(None, machine(groups, limits)) == ceiling


def test_without_control_groups_the_machine_is_the_ceiling(tmp_path):
    assert memory_ceiling(None, tmp_path) == MACHINE


def test_a_setting_comes_before_the_container(machine):
    root = machine("0::/", {"sys/fs/cgroup/memory.max": "1000000"})

    assert memory_ceiling("1500MB", root) == 1_500_000_000
