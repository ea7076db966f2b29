"""The home and data folders in the environment: what cannot be found is a sentence, not a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from cnnlab.errors import ConfigError
from cnnlab.system.home import default_data, default_home, path_variable

NOBODY = "~nobody-has-this-name"
ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(("name", "ask"), [("CNNLAB_HOME", default_home), ("CNNLAB_DATA", default_data)])
def test_a_user_without_a_home_folder_is_named(monkeypatch, name, ask):
    monkeypatch.setenv(name, f"{NOBODY}/lab")

    with pytest.raises(
        ConfigError, match=rf"^{name} is '{NOBODY}/lab', but .* '{NOBODY}': write the full path, such as /srv/cnnlab\.$"
    ):
        ask()


def test_a_relative_folder_where_the_current_one_is_gone_is_a_sentence(monkeypatch):
    def gone():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(os, "getcwd", gone)
    monkeypatch.setenv("CNNLAB_LIMITS", "limits.json")

    with pytest.raises(ConfigError, match=r"^CNNLAB_LIMITS is 'limits\.json', but the current folder cannot be found"):
        path_variable("CNNLAB_LIMITS")


@pytest.mark.parametrize("answer", [RuntimeError("no home"), Path("~/.local/share/cnnlab")])
def test_a_user_without_any_home_folder_is_asked_for_one(monkeypatch, answer):
    def user_data_path(*_, **__):
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.delenv("CNNLAB_HOME", raising=False)
    monkeypatch.setattr("cnnlab.system.home.platformdirs.user_data_path", user_data_path)

    with pytest.raises(ConfigError, match=r"^This user has no home folder .* set CNNLAB_HOME to a full path"):
        default_home()


@pytest.mark.parametrize("name", ["CNNLAB_HOME", "CNNLAB_DATA"])
def test_the_command_line_shows_the_sentence_alone(tmp_path, name):
    known = {"CNNLAB_HOME": str(tmp_path), "CNNLAB_DATA": ""} | {name: NOBODY}
    done = subprocess.run(
        [sys.executable, "-m", "cnnlab", "datasets"], env=os.environ | known, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 2
    assert done.stderr.startswith(f"{name} is '{NOBODY}'")
    assert len(done.stderr.splitlines()) == 1


def test_a_page_shows_the_sentence(monkeypatch):
    from pages._parts import shell

    monkeypatch.setenv("CNNLAB_DATA", NOBODY)
    shell._lab.clear()
    app = AppTest.from_file(os.fspath(ROOT / "app.py"), default_timeout=180)

    app.run()

    assert not app.exception
    assert "write the full path, such as /srv/cnnlab" in app.error[0].value
    shell._lab.clear()
