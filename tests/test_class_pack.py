"""A class without a network: a folder that installs and starts the lab. `--slow` installs from one where there is no network."""

import io
import json
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import pytest
from data_files import CIFAR, MNIST, write_pictures, write_tiny

from cnnlab.class_pack import make as module
from cnnlab.class_pack.make import make
from cnnlab.datasets.places import Places
from cnnlab.errors import ConfigError, DataError, InstallationError
from cnnlab.text import size_text

ROOT = Path(__file__).parents[1]
VERSION = "{}.{}".format(*sys.version_info)


class Pip:
    """pip as `subprocess.Popen` starts it: what it prints, and its exit status."""

    commands: ClassVar[list[list[str]]] = []
    prints = "Collecting torch\n  Downloading https://wheels.example/torch-9.9-none-any.whl (200.1 MB)\n"
    returncode = 0

    def __init__(self, command, **_):
        self.commands.append(command)
        self.stdout = io.StringIO(self.prints)
        with zipfile.ZipFile(Path(command[command.index("--dest") + 1], "torch-9.9-none-any.whl"), "w") as wheel:
            wheel.writestr("torch.py", "0" * 1_000_000)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


@pytest.fixture
def asked(monkeypatch):
    """What pip was asked; it "fetches" one wheel, and every index answers."""
    monkeypatch.setattr(Pip, "commands", [])
    monkeypatch.setattr(module, "subprocess", SimpleNamespace(Popen=Pip, PIPE=-1, STDOUT=-2))
    monkeypatch.setattr(module.urllib.request, "urlopen", lambda *_, **__: nullcontext())
    return Pip.commands


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "home")


def start(folder, *options):
    return subprocess.run(
        [sys.executable, folder / "start.py", *options],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=folder.parent,
    )


def test_a_pack_holds_the_program_the_wheels_and_what_starts_them(tmp_path, asked, places):
    pack = make(tmp_path / "stick", ["sample"], places, index="https://wheels.example")

    found = {path.relative_to(pack.folder).as_posix() for path in pack.folder.rglob("*") if path.is_file()}
    assert {"start.py", "start.sh", "start.bat", "READ ME.txt", "wheels/torch-9.9-none-any.whl", "lab/app.py"} <= found
    assert {f"lab/cnnlab/datasets/sample/{each.name}" for each in (ROOT / "cnnlab/datasets/sample").glob("*.gz")} <= found
    assert not [name for name in found if "__pycache__" in name or name.startswith(("lab/tests", "lab/.git/"))]
    manifest = json.loads((pack.folder / "pack.json").read_text())
    assert (manifest["python"], manifest["platform"]) == (VERSION, sysconfig.get_platform())
    assert set(manifest["files"]) == found - {"pack.json"}
    copied = sum(size for name, (size, _) in manifest["files"].items() if name.startswith("lab/"))
    assert pack.installed == manifest["installed"] == copied + 1_100_000
    assert f"Python {VERSION} and {size_text(pack.installed)} of free room" in module.summary(pack)
    assert (pack.files, pack.size) == (len(found) - 1, sum(size for size, _ in manifest["files"].values()))
    (command,) = asked
    assert command[command.index("--extra-index-url") + 1] == "https://wheels.example"
    assert f"python3.{sys.version_info.minor} python3 python" in (pack.folder / "start.sh").read_text()
    assert not [each for each in ("start.sh", "start.bat", "READ ME.txt") if "VERSION" in (pack.folder / each).read_text("utf-8")]
    assert f"and {size_text(pack.installed)} must be free" in (pack.folder / "READ ME.txt").read_text("utf-8")


def test_a_data_set_that_is_here_goes_in_and_is_found_there(tmp_path, asked, places):
    write_tiny(places.own / "MNIST" / "raw")
    write_pictures(places.own / "pictures")
    pack = make(tmp_path / "stick", ["mnist", "mnist", "cifar10"], places)

    found = Places(tmp_path / "other", pack.folder / "data").locate(MNIST)
    assert found.folder == pack.folder / "data" / "mnist"
    assert Places(tmp_path / "other", pack.folder / "data").locate(CIFAR).layout == "images"
    assert pack.data == ("mnist", "cifar10")
    assert "its packages and data (MNIST, CIFAR-10)" in module.summary(pack)


def test_a_pack_is_renewed_and_nothing_old_stays(tmp_path, asked, places):
    folder = make(tmp_path / "stick", [], places).folder
    (folder / "wheels" / "old.whl").write_text("old")
    make(folder, [], places)
    assert not (folder / "wheels" / "old.whl").exists()


def test_other_folders_and_missing_data_are_refused_before_anything_is_written(tmp_path, asked, places):
    other = tmp_path / "photos"
    other.mkdir()
    (other / "cat.jpg").write_text("cat")
    with pytest.raises(ConfigError, match=r"photos holds other files: choose a new or an empty folder"):
        make(other, [], places)
    with pytest.raises(ConfigError, match="lies in the program's own folder"):
        make(ROOT / "stick", [], places)
    with pytest.raises(DataError, match="CIFAR-10 is not on this machine"):
        make(tmp_path / "stick", ["cifar10"], places)
    assert [path.name for path in other.iterdir()] == ["cat.jpg"]
    assert not (tmp_path / "stick").exists()
    assert not asked


def test_why_pip_fails_is_passed_on(tmp_path, monkeypatch, asked, places):
    monkeypatch.setattr(Pip, "prints", "WARNING: slow\nERROR: No matching distribution found for torch\n")
    monkeypatch.setattr(Pip, "returncode", 1)
    with pytest.raises(InstallationError, match=r"could not fetch the packages \(No matching distribution found for torch\)"):
        make(tmp_path / "stick", [], places)


def test_each_package_is_shown_as_it_is_fetched(tmp_path, asked, places):
    steps = []
    make(tmp_path / "stick", [], places, show=steps.append)

    assert steps[-1] == "Fetching torch-9.9-none-any.whl (200.1 MB)"


@pytest.mark.parametrize("index", ["http://127.0.0.1:9", "nowhere"])
def test_an_index_that_does_not_answer_is_named_before_anything_is_copied(tmp_path, places, index):
    with pytest.raises(
        InstallationError, match=rf"^{index} does not answer \(.+\)\. Look at the network, name a mirror with --index"
    ):
        make(tmp_path / "stick", [], places, index=index)

    assert not (tmp_path / "stick").exists()


def test_a_damaged_copy_is_found_and_named_before_it_is_installed(tmp_path, asked, places):
    folder = make(tmp_path / "stick", [], places).folder
    assert start(folder, "--check").stdout.endswith("This copy is whole.\n")

    (folder / "wheels" / "torch-9.9-none-any.whl").write_bytes(b"wheeL")
    (folder / "lab" / "app.py").unlink()
    done = start(folder, "--to", tmp_path / "target")
    assert done.returncode == 1
    assert "damaged, copy it again: lab/app.py, wheels/torch-9.9-none-any.whl (2 of" in done.stderr
    assert not (tmp_path / "target").exists()


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"python": "3.1"}, f"This copy is for Python 3.1, and this is Python {VERSION}: install Python 3.1 beside it."),
        ({"platform": "win-amd64"}, "This copy is for win-amd64, and this computer is"),
    ],
)
def test_another_python_or_computer_is_told_what_it_needs(tmp_path, asked, places, changed, sentence):
    folder = make(tmp_path / "stick", [], places).folder
    manifest = json.loads((folder / "pack.json").read_text())
    (folder / "pack.json").write_text(json.dumps(manifest | changed))
    done = start(folder)
    assert done.returncode == 1
    assert done.stderr.startswith(sentence)


def test_a_computer_without_room_is_named_before_anything_is_installed_in_its_own_language(tmp_path, asked, places, monkeypatch):
    folder = make(tmp_path / "stick", [], places).folder
    manifest = json.loads((folder / "pack.json").read_text())
    (folder / "pack.json").write_text(json.dumps(manifest | {"installed": 9 * 10**15}))
    done = start(folder, "--to", tmp_path / "target")
    assert re.fullmatch(r".*target needs 9000000 GB, and [\d.]+ GB are free there: free some, or .* --to\.\n", done.stderr)
    monkeypatch.setenv("CNNLAB_LANG", "zh")
    monkeypatch.setenv("PYTHONUTF8", "1")
    assert "target 需要 9000000 GB，而那里只剩" in start(folder, "--to", tmp_path / "target").stderr
    assert not (tmp_path / "target").exists()


@pytest.mark.skipif(not shutil.which("unshare"), reason="needs Linux's unshare to take the network away")
def test_it_installs_where_there_is_no_network(tmp_path, request, places):
    if not request.config.getoption("--slow"):
        pytest.skip("fetches some gigabytes and installs them: --slow")
    folder = make(tmp_path / "stick", [], places).folder
    program = "import sys, start; start.install(start.Path(sys.argv[1])); print(start.installed(start.Path(sys.argv[1])))"
    command = ["unshare", "-rn", sys.executable, "-c", program, tmp_path / "target"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, cwd=folder)
    assert done.stdout.endswith("True\n"), done.stderr
    listed = [tmp_path / "target" / "venv" / "bin" / "python", "-m", "cnnlab", "architectures"]
    done = subprocess.run(listed, check=False, capture_output=True, text=True, cwd=tmp_path / "target" / "lab")
    assert "lenet" in done.stdout, done.stderr
