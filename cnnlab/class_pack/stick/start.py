"""Installs CNN Lab from this folder and starts it, without a network. Needs Python alone.

python start.py [--to FOLDER] [--check] [options of Streamlit, such as --server.port 8502]
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from contextlib import suppress
from pathlib import Path

HERE = Path(__file__).resolve().parent
PACK = json.loads((HERE / "pack.json").read_text(encoding="utf-8"))
DONE = "installed.json"  # written last, so that an installation that was broken off begins again


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path.home() / "CNN-Lab", help="where to install (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="only check that no file of this copy is damaged")
    chosen, streamlit = parser.parse_known_args()
    if problem := unfit():
        sys.exit(problem)
    target = chosen.to.expanduser().absolute()
    if chosen.check or not installed(target):
        if damaged := check():
            sys.exit(
                f"This copy is damaged, copy it again: {', '.join(damaged[:5])} ({len(damaged)} of {len(PACK['files'])} files)."
            )
        print("This copy is whole.", flush=True)
    if chosen.check:
        return
    if not installed(target):
        install(target)
    start(target, streamlit)


def unfit() -> str:
    """Why the wheels do not fit this Python, as a sentence; "" where they do."""
    mine, machine = "{}.{}".format(*sys.version_info), sysconfig.get_platform()
    if mine != PACK["python"]:
        return f"This copy is for Python {PACK['python']}, and this is Python {mine}: install Python {PACK['python']} beside it."
    if machine.split("-")[0] != PACK["platform"].split("-")[0] or machine.split("-")[-1] != PACK["platform"].split("-")[-1]:
        return f"This copy is for {PACK['platform']}, and this computer is {machine}: make one on a computer like this one."
    return ""


def check() -> list[str]:
    """The files that are missing or differ from what was packed."""
    print("Checking the files ...", flush=True)
    return [name for name, (size, digest) in PACK["files"].items() if not same(HERE / name, size, digest)]


def same(path: Path, size: int, digest: str) -> bool:
    try:
        if path.stat().st_size != size:
            return False
        found = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                found.update(block)
        return found.hexdigest() == digest
    except OSError:
        return False


def installed(target: Path) -> bool:
    try:
        return json.loads((target / DONE).read_text(encoding="utf-8")) == PACK["made"]
    except (OSError, ValueError):
        return False


def python_of(target: Path) -> Path:
    return target / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def install(target: Path) -> None:
    print(f"Installing into {target} ...", flush=True)
    (target / DONE).unlink(missing_ok=True)
    for folder in ("lab", "data"):
        shutil.rmtree(target / folder, ignore_errors=True)
        shutil.copytree(HERE / folder, target / folder)
    venv.create(target / "venv", clear=True, with_pip=True, symlinks=os.name != "nt")
    pip = [python_of(target), "-m", "pip", "install", "--no-index", "--find-links", HERE / "wheels", "--disable-pip-version-check"]
    # Settings of this computer may name an index, or wheels of other versions.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run([*pip, "--quiet", "-r", target / "lab" / "requirements.txt"], check=False, env=settings)
    if done.returncode:
        sys.exit("The packages could not be installed; the lines above say why.")
    (target / DONE).write_text(json.dumps(PACK["made"]), encoding="utf-8")


def start(target: Path, options: list[str]) -> None:
    settings = (
        os.environ
        | {"CNNLAB_DATA": str(target / "data")}
        | ({} if "CNNLAB_HOME" in os.environ else {"CNNLAB_HOME": str(target / "home")})
    )
    command = [str(python_of(target)), "-m", "streamlit", "run", "app.py", *options]
    with suppress(KeyboardInterrupt):
        sys.exit(subprocess.run(command, check=False, cwd=target / "lab", env=settings).returncode)


if __name__ == "__main__":
    main()
