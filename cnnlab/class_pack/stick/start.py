"""Installs CNN Lab from this folder and starts it, without a network. Needs Python alone.

python start.py [--to FOLDER] [--check] [options of Streamlit, such as --server.port 8502]
"""

import argparse
import hashlib
import json
import locale
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
SHOWS_EVERY = 15.0  # seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", type=Path, default=Path.home() / "CNN-Lab", help="where to install (default: %(default)s)")
    parser.add_argument("--check", action="store_true", help="only check that no file of this copy is damaged")
    sys.stdout.reconfigure(errors="replace")  # a terminal without Chinese
    sys.stderr.reconfigure(errors="replace")
    chosen, streamlit = parser.parse_known_args()
    if problem := unfit():
        sys.exit(problem)
    target = chosen.to.expanduser().absolute()
    if chosen.check or not installed(target):
        if damaged := check():
            names, count, every = ", ".join(damaged[:5]), len(damaged), len(PACK["files"])
            sys.exit(
                say(
                    f"This copy is damaged, copy it again: {names} ({count} of {every} files).",
                    f"这份拷贝已损坏，请重新拷贝：{names}（{every} 个文件中的 {count} 个）。",
                )
            )
        print(say("This copy is whole.", "这份拷贝完好。"), flush=True)
    if chosen.check:
        return
    if not installed(target):
        if problem := too_full(target):
            sys.exit(problem)
        try:
            install(target)
        except OSError as error:
            sys.exit(say(f"{target} could not be written ({error}).", f"无法写入 {target}（{error}）。"))
    start(target, streamlit)


def say(english: str, chinese: str) -> str:
    """The text in the language of this computer."""
    names = (os.environ.get(name, "") for name in ("CNNLAB_LANG", "LC_ALL", "LC_MESSAGES", "LANG"))
    chosen = next(filter(None, names), locale.getlocale()[0] or "")  # Windows has no such variables
    return chinese if chosen.startswith(("zh", "Chinese")) else english


def unfit() -> str:
    """Why the wheels do not fit this Python, as a sentence; "" where they do."""
    mine, machine = "{}.{}".format(*sys.version_info), sysconfig.get_platform()
    python, platform = PACK["python"], PACK["platform"]
    if mine != python:
        return say(
            f"This copy is for Python {python}, and this is Python {mine}: install Python {python} beside it.",
            f"这份拷贝适用于 Python {python}，而这里是 Python {mine}：请另外安装 Python {python}。",
        )
    if machine.split("-")[0] != platform.split("-")[0] or machine.split("-")[-1] != platform.split("-")[-1]:
        return say(
            f"This copy is for {platform}, and this computer is {machine}: make one on a computer like this one.",
            f"这份拷贝适用于 {platform}，而这台计算机是 {machine}：请在同类计算机上制作一份。",
        )
    return ""


def too_full(target: Path) -> str:
    """Why there is no room to install, as a sentence; "" where there is enough."""
    there = next(folder for folder in (target, *target.parents) if folder.exists())
    free, needed = shutil.disk_usage(there).free, PACK["installed"]
    if free >= needed:
        return ""
    return say(
        f"{target} needs {gigabytes(needed)}, and {gigabytes(free)} are free there: free some, or choose another folder with --to.",
        f"{target} 需要 {gigabytes(needed)}，而那里只剩 {gigabytes(free)}：请腾出空间，或用 --to 另选文件夹。",
    )


def gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f}".removesuffix(".0") + " GB"


def check() -> list[str]:
    """The files that are missing or differ from what was packed."""
    print(say("Checking the files ...", "正在检查文件……"), flush=True)
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
    size = gigabytes(PACK["installed"])
    print(say(f"Installing into {target}: {size}, some minutes ...", f"正在安装到 {target}：{size}，需要几分钟……"), flush=True)
    (target / DONE).unlink(missing_ok=True)
    for folder in ("lab", "data"):
        shutil.rmtree(target / folder, ignore_errors=True)
        shutil.copytree(HERE / folder, target / folder)
    try:
        venv.create(target / "venv", clear=True, with_pip=True, symlinks=os.name != "nt")
    except subprocess.CalledProcessError:
        sys.exit(
            say(
                "This Python has no pip of its own: install it whole (Debian and Ubuntu: sudo apt install python3-venv).",
                "这个 Python 没有自带 pip：请完整安装（Debian 和 Ubuntu：sudo apt install python3-venv）。",
            )
        )
    pip = [python_of(target), "-m", "pip", "install", "--no-index", "--find-links", HERE / "wheels", "--disable-pip-version-check"]
    # Settings of this computer may name an index, or wheels of other versions.
    settings = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")} | {"PIP_CONFIG_FILE": os.devnull}
    with subprocess.Popen([*pip, "--quiet", "-r", target / "lab" / "requirements.txt"], env=settings) as installing:
        while installing.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                installing.wait(SHOWS_EVERY)
                break
            show_progress(target)
    if installing.returncode:
        sys.exit(say("The packages could not be installed; the lines above say why.", "无法安装软件包，原因见上面几行。"))
    (target / DONE).write_text(json.dumps(PACK["made"]), encoding="utf-8")


def show_progress(target: Path) -> None:
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(target / "venv")}))
    done, every = len(list(packages.glob("*.dist-info"))), len(list((HERE / "wheels").glob("*.whl")))
    print(say(f"  {done} of about {every} packages", f"  约 {every} 个软件包中的 {done} 个"), flush=True)


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
