"""What the rest of the lab makes of places beyond this machine: queue, forecast, form, sentence, doctor."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
from launchers import NODE, executors
from made_runs import CONFIG, STARTED, done
from own_files import folder, job, pets

from cnnlab.compute import answers, speeds
from cnnlab.compute.rate_finder import RateFinder
from cnnlab.config import RunConfig
from cnnlab.config_words import words
from cnnlab.doctor import executors as doctor
from cnnlab.errors import ConfigError, DeviceError
from cnnlab.forecasts.forecaster import Forecaster
from cnnlab.forecasts.limits import Limits
from cnnlab.i18n import translated, using
from cnnlab.layers.trace import layer_table
from cnnlab.own_data.bringing import bring
from cnnlab.runs.records import State, may_take_the_same
from cnnlab.system.processes import Process
from cnnlab.workers import beyond
from cnnlab.workers.placing import Placing, waits_for
from pages._parts.live.sentence import sentence

ELSEWHERE = CONFIG.change(device="at:cluster")


@pytest.mark.parametrize("device", ["at:", "at:GPU", "at:a b", "at:../x", f"at:{'a' * 21}", "cluster"])
def test_a_device_elsewhere_is_named_like_a_small_word(device):
    with pytest.raises(ConfigError):
        RunConfig.make(device=device)
    assert words("device", "at:cluster") == "cluster"


def test_a_place_takes_as_many_runs_as_it_has_slots_and_a_wrong_file_lets_them_wait(tmp_path, monkeypatch):
    executors(tmp_path, slots=3)
    placing, run = Placing(tmp_path, lambda *question: pytest.fail("no child is asked")), SimpleNamespace(id="a", config=ELSEWHERE)
    assert placing.candidates_of(run) == ("at:cluster",)
    assert placing.runs_at_a_time("at:cluster") == 3
    assert placing.obstacle(run, "at:cluster", [run]) == ""
    assert placing.runs_at_a_time("at:gone") == 1  # its runner says that there is no such place

    monkeypatch.setattr(beyond, "FILE_SECONDS", 0.0)
    (tmp_path / "executors.toml").write_text("[executors")
    placing._beyond = beyond.Slots(tmp_path)
    placing.runs_at_a_time("at:cluster")
    problem = placing.obstacle(run, "at:cluster", [])
    assert problem.startswith("The file of executors executors.toml (CNNLAB_EXECUTORS) cannot be used: it is not TOML")
    assert waits_for(run, problem) == problem


def test_a_run_of_here_and_one_elsewhere_are_not_in_each_others_way():
    assert may_take_the_same("at:cluster", "at:cluster")
    assert not any(may_take_the_same("at:cluster", other) for other in ("auto", "cpu", "cuda", "at:other"))
    Limits(devices={"cpu": 1}).check(ELSEWHERE)  # the host has named it in the file of executors


def test_what_a_run_takes_elsewhere_is_known_from_runs_that_trained_there_alone(tmp_path, store):
    executors(store.home)
    answers.check_run(store.home, ELSEWHERE)
    with pytest.raises(DeviceError, match="choose auto, or one of: at:cluster"):
        answers.check_run(store.home, CONFIG.change(device="at:other"))
    bring(job(store.home, folder(store.home / "pets", pets(4))))
    with pytest.raises(ConfigError, match="own images are on the lab's machine alone, and cluster does not have them"):
        answers.check_run(store.home, ELSEWHERE.change(dataset="own-pets"))

    def speed_of(**question):
        return speeds.device_speed(store.home, **question)

    forecaster = Forecaster(speed_of, layer_table, store)
    first = forecaster.forecast(ELSEWHERE)
    assert (first.device, first.fits, first.available_bytes, first.largest_batch) == ("at:cluster", True, None, None)
    assert (first.seconds_total, first.rough_seconds, first.speed_state) == (None, None, "unknown")

    run_id = store.create(ELSEWHERE, "t")
    store.transition(run_id, State.STARTING, device="at:cluster", process=Process(1, "gone"))
    store.add(run_id, replace(STARTED, device="at:cluster"), to=State.RUNNING)
    store.add(run_id, done(1))
    assert forecaster.forecast(ELSEWHERE).rough_seconds > 0


def test_a_range_test_stays_here():
    asked = []
    helper = SimpleNamespace(ask=lambda name, **question: asked.append(question["config"].device) or SimpleNamespace(state="none"))
    RateFinder(helper, None).test(ELSEWHERE)
    assert set(asked) == {"auto"}


def test_the_sentence_of_a_run_says_what_it_waits_for_there(store):
    run_id = store.create(ELSEWHERE, "t")
    store.transition(run_id, State.STARTING, device="at:cluster", process=Process(1, "x"))
    waiting = "it waits for a node: job 4711, estimated start 14:20 (Resources)"
    store.adopt(run_id, Process(1, "x"), waiting)
    assert sentence(None, store.run(run_id), None) == waiting
    with using("zh"):
        assert translated(waiting) == "正在等待节点：作业 4711，预计 14:20 开始（Resources）"
    store.adopt(run_id, Process(1, "x"))
    assert sentence(None, store.run(run_id), None).startswith("loading the images")


def test_the_doctor_starts_the_program_at_each_place(tmp_path):
    executors(tmp_path)
    (found,) = doctor.executors(tmp_path)
    assert (found.name, found.level) == ("Executor cluster", "look")
    assert "torch" in found.sentence and "data: sample." in found.sentence
    executors(tmp_path, f"{NODE} fails")
    (found,) = doctor.executors(tmp_path)
    assert found.level == "wrong"
    assert found.sentence.endswith("(srun: error: invalid partition specified: gpu).")
    assert doctor.executors(tmp_path / "other") == []


def test_the_doctor_compares_versions_devices_and_data(tmp_path, monkeypatch):
    executors(tmp_path, device="cuda")
    place = doctor.settings.find(tmp_path, "at:cluster")
    cpu = {"name": "cpu", "title": "CPU, 2 cores", "problem": ""}
    answer = {"cnnlab": 1, **doctor.versions.here(), "node": "node17", "devices": [cpu], "datasets": ["sample", "mnist"]}
    gpu = {"name": "cuda:0", "title": "NVIDIA H100", "problem": ""}
    assert [found.level for found in doctor.examined(place, answer | {"devices": [cpu, gpu]}, "")] == ["right"]
    assert doctor.examined(place, answer, "")[0].sentence.endswith("It has no cuda.")
    assert doctor.examined(place, answer | {"torch": "1.0"}, "")[0].level == "look"
    assert doctor.examined(place, answer | {"cnnlab": 2}, "")[0].level == "wrong"
