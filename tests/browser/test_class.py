"""A teacher makes a class, and students sign in by their links, train, and keep their hands off each other's runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from waiting import wait_for

from benchmarks.results_page import ROOT
from benchmarks.serving import starting
from cnnlab.lab import Lab

RECIPE = "train?architecture=lenet&activation=relu&learning_rate=0.1&batch_size=64&epochs=200"


@pytest.fixture(scope="module")
def school(tmp_path_factory):
    """A server of a lab with a class; gives its address, a way to run `class` commands, and the codes by name."""
    home = tmp_path_factory.mktemp("class") / "home"
    folder = home.parent

    def command(*arguments, typed=""):
        environment = os.environ | {"CNNLAB_HOME": str(home)}
        done = subprocess.run(
            [sys.executable, "-m", "cnnlab", "class", *arguments], cwd=ROOT, env=environment, input=typed, text=True,
            capture_output=True, check=True,
        )  # fmt: skip
        return done.stdout

    (folder / "names.txt").write_text("Ana Silva\nBen Okafor\n", encoding="utf-8")
    slips = folder / "slips.html"
    command("new", "--name", "Autumn", "--names", str(folder / "names.txt"), "--slips", str(slips), typed="\n")
    codes = dict(re.findall(r"<h2>([^<]+)</h2>.*?#([\w-]{14})'", slips.read_text(encoding="utf-8")))
    with starting(home) as server:
        wait_for(lambda: answers(f"{server.address}/sign-in"), seconds=60)
        yield server, command, codes


def answers(address):
    try:
        return urllib.request.urlopen(address, timeout=2).status == 200  # noqa: S310  # http://localhost
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture
def people(browser):
    """Opens a browser of its own for each person."""
    contexts = []

    def person():
        contexts.append(browser.new_context(viewport={"width": 1366, "height": 768}))
        contexts[-1].set_default_timeout(60_000)
        return contexts[-1].new_page()

    yield person
    for context in contexts:
        context.close()


def test_a_student_signs_in_by_link_trains_and_signs_out_and_another_cannot_stop_the_run(school, people):
    server, command, codes = school
    ana, ben = people(), people()
    ana.goto(f"{server.address}/sign-in#{codes['Ana Silva']}")
    ana.get_by_text("You are Ana Silva").wait_for()
    assert codes["Ana Silva"] not in ana.url
    ana.goto(f"{server.address}/{RECIPE}")
    ana.get_by_role("button", name="Start training").click()
    ana.wait_for_url(re.compile("run="))
    ana.get_by_role("button", name="End run").wait_for()

    # Another student types the code on the page of the run, which opens then.
    ben.goto(ana.url)
    ben.get_by_label("Your code").fill(codes["Ben Okafor"].replace("-", " ").upper())
    ben.get_by_label("Your code").press("Enter")
    ben.get_by_text("You are Ben Okafor").wait_for()
    assert ben.url == ana.url
    assert ben.get_by_role("button", name="End run").is_disabled()

    # Who has left the class is out with the next click on a page that is open.
    command("remove", "Ben Okafor")
    ben.get_by_role("link", name="Data").click()
    ben.get_by_label("Your code").wait_for()

    ana.get_by_role("button", name="End run").click()
    run_id = re.search("run=([0-9a-f]{8})", ana.url)[1]
    lab = Lab(server.home)
    wait_for(lambda: not lab.run(run_id).active, seconds=60)
    assert lab.run(run_id).owner == "Ana Silva"
    lab.close()
    ana.get_by_role("button", name="Sign out").click()
    ana.get_by_label("Your code").wait_for()
    ana.go_back()
    ana.reload()
    assert ana.get_by_label("Your code").is_visible()
