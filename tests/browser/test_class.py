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
from cnnlab.assignments import Task
from cnnlab.config import RunConfig
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

    # Who has left the class is out within ten seconds, also on a page that is open and not clicked.
    command("remove", "Ben Okafor")
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


def test_a_teacher_sees_a_hand_in_sends_a_hint_and_stops_a_run(school, people):
    server, command, codes = school
    code = re.search(r"code: ([\w-]+)", command("add", "Ms Li", "--role", "teacher"))[1]
    lab = Lab(server.home)
    config = RunConfig.make(dataset="sample", epochs=1, limit=100, device="cpu", options={"activation": "relu"})
    task = lab.assignments.make(Task(title="Why?", config=config, free=("epochs",)), teacher="Ms Li")
    ana, teacher = people(), people()
    ana.goto(f"{server.address}/sign-in#{codes['Ana Silva']}")
    ana.get_by_text("You are Ana Silva").wait_for()
    assert ana.get_by_role("link", name="My class").count() == 0
    teacher.goto(f"{server.address}/sign-in#{code}")
    teacher.get_by_role("link", name="My class").click()

    # Ana hands in a run, which the teacher's open page shows, and begins one that would take long.
    watching = teacher.context.new_page()
    watching.goto(f"{server.address}/learn?assignment={task.id}")
    watching.get_by_text("Handed in: 0").wait_for()
    run_id = lab.start(config, token="short", owner="Ana Silva")
    lab.tag(run_id, add=[task.tag])
    wait_for(lambda: not lab.run(run_id).active, seconds=60)
    ana.goto(f"{server.address}/learn?assignment={task.id}")
    ana.get_by_role("button", name="Hand in").first.click()
    watching.get_by_text("Handed in: 1").wait_for()
    watching.close()
    long = lab.start(config.change(epochs=500, limit=5_000), token="long", owner="Ana Silva")

    # The teacher sees who is here and what was handed in, and sends a hint to all.
    teacher.get_by_text(re.compile(r"1 of \d students? here")).wait_for()
    teacher.get_by_role("button", name="Send a hint …").click()
    teacher.get_by_role("textbox", name="Hint").fill("Try ReLU")
    teacher.get_by_role("textbox", name="Hint").press("Control+Enter")
    teacher.get_by_role("button", name="Send", exact=True).click()
    ana.get_by_text("Try ReLU").wait_for()
    ana.get_by_role("button", name="Got it").click()
    ana.get_by_text("Try ReLU").wait_for(state="detached")
    teacher.goto(f"{server.address}/class?view=results")
    teacher.get_by_text("handed in by 1 student").wait_for()

    teacher.goto(f"{server.address}/class?view=machine")
    teacher.locator(f".st-key-trains-{long}").get_by_role("button", name="Stop").click()
    wait_for(lambda: not lab.run(long).active, seconds=60)
    lab.close()
