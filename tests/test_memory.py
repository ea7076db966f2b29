"""Memory that programs may use, as Linux reports it for the machine and the container."""

import sys
from pathlib import Path

import pytest

from cnnlab.system import memory
from cnnlab.system.memory import Memory

GIGABYTE = 2**30


@pytest.fixture
def system(tmp_path: Path):
    def write(files: dict[str, str]) -> tuple[Path, Path]:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        return tmp_path / "proc", tmp_path / "cgroup"

    return write


def meminfo(total: int = 16, available: int = 10, swap: int = 2) -> str:
    kilobytes = {"MemTotal": total, "MemFree": 1, "MemAvailable": available, "SwapTotal": 4, "SwapFree": swap}
    return "".join(f"{name}:    {2**20 * value} kB\n" for name, value in kilobytes.items()) + "HugePages_Total:       0\n"


def test_the_machine_says_what_it_has(system):
    assert memory.memory(*system({"proc/meminfo": meminfo()})) == Memory(16 * GIGABYTE, 12 * GIGABYTE)


@pytest.mark.parametrize("text", ["", "MemTotal: 5 kB\n", "MemTotal:\nMemAvailable:\nSwapFree:\n", "MemTotal: many kB\n"])
def test_a_system_that_does_not_say_is_no_error(system, text):
    assert memory.memory(*system({"proc/meminfo": text})) is None


def test_another_system_has_no_such_file(tmp_path):
    assert memory.memory(tmp_path, tmp_path) is None


def test_a_container_has_less_than_the_machine(system):
    files = {
        "proc/meminfo": meminfo(),
        "proc/self/cgroup": "0::/\n",
        "cgroup/memory.max": f"{4 * GIGABYTE}\n",
        "cgroup/memory.current": f"{3 * GIGABYTE}\n",
        "cgroup/memory.stat": f"anon 5\ninactive_file {GIGABYTE}\n",
    }
    assert memory.memory(*system(files)) == Memory(4 * GIGABYTE, 2 * GIGABYTE)


def test_the_tightest_group_counts_and_one_without_a_limit_does_not(system):
    files = {"proc/meminfo": meminfo(), "proc/self/cgroup": "0::/lab/session\n"}
    for folder, limit in {"cgroup/lab/session": "max", "cgroup/lab": f"{6 * GIGABYTE}", "cgroup": f"{12 * GIGABYTE}"}.items():
        files |= {f"{folder}/memory.max": limit, f"{folder}/memory.current": f"{GIGABYTE}", f"{folder}/memory.stat": "anon 5\n"}

    assert memory.memory(*system(files)) == Memory(6 * GIGABYTE, 5 * GIGABYTE)


def test_groups_of_the_first_version(system):
    folder = "cgroup/memory/docker/a1"
    files = {
        "proc/meminfo": meminfo(),
        "proc/self/cgroup": "9:name=systemd:/\n4:cpu,memory:/docker/a1\n",
        f"{folder}/memory.limit_in_bytes": f"{8 * GIGABYTE}",
        f"{folder}/memory.usage_in_bytes": f"{9 * GIGABYTE}",
        f"{folder}/memory.stat": "total_inactive_file 5\n",
    }
    assert memory.memory(*system(files)) == Memory(8 * GIGABYTE, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux reports available memory")
def test_this_machine():
    machine = memory.memory()

    assert machine is not None
    assert machine.available > 0
    assert machine.total == memory.total() > GIGABYTE // 2
