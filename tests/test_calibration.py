"""Measuring the speed of a network, by a clock that moves only where the network works."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from quadrants import settings
from tape import Tape

from cnnlab.layers.memory import evaluation_batch
from cnnlab.training import calibration, graph
from cnnlab.training.session import Session


class Machine:
    """Takes `fixed` seconds for each batch and `image` for each of its images, `step` to optimise, `evaluation` for an image."""

    def __init__(self, monkeypatch, *, fixed=0.0, image, step, evaluation, first=0.0):
        self.now, self.sizes, self.evaluated, self._first = 0.0, [], [], first
        self._fixed, self._image, self._step, self._evaluation = fixed, image, step, evaluation
        made = calibration._session

        def watched(config):
            self.session = session = made(config)
            session.model.register_forward_hook(self._forward)
            session.optimizer.register_step_post_hook(self._stepped)
            return session

        monkeypatch.setattr(calibration, "_session", watched)

    def __call__(self):
        return self.now

    def _forward(self, model, inputs, _):
        count = len(inputs[0])
        if model.training:
            self.sizes.append(count)
            self.now += self._fixed + self._image * count
        else:
            self.evaluated.append(count)
            self.now += self._evaluation * count + (self._first if len(self.evaluated) == 1 else 0.0)
        if len(self.sizes) == 1:
            self.now += 20.0  # the first batch loads libraries

    def _stepped(self, *_):
        self.now += self._step


CONFIG = settings(batch_size=64, dataset="sample", validation_share=0.5, image_size=12)


def test_where_time_allows_it_the_run_s_own_batch_is_timed(monkeypatch):
    machine = Machine(monkeypatch, fixed=0.016, image=0.001, step=0.01, evaluation=0.0005, first=4.0)

    speed = calibration.calibrate(CONFIG, macs=10**6, seconds=3.0, clock=machine)

    assert speed.batch == 64
    assert speed.image == pytest.approx(0.001 + 0.016 / 64)
    assert (speed.step, speed.others) == (pytest.approx(0.01), 0.0)
    assert speed.evaluation == pytest.approx(0.0005 + 4.0 / 64)  # there was no time for a second evaluation
    assert machine.sizes[-1] == 64 and len(machine.sizes) < 40
    assert set(machine.evaluated) == {64}


def test_a_first_evaluation_that_loads_libraries_is_left_out(monkeypatch):
    machine = Machine(monkeypatch, image=0.001, step=0.01, evaluation=0.0005, first=0.2)

    speed = calibration.calibrate(CONFIG, macs=10**6, seconds=3.0, clock=machine)

    assert speed.evaluation == pytest.approx(0.0005)
    assert len(machine.evaluated) > 2


def test_a_gpu_is_timed_evaluating_as_many_images_at_a_time_as_in_a_run(monkeypatch):
    machine = Machine(monkeypatch, image=0.001, step=0.01, evaluation=0.0005)
    session = calibration._session(CONFIG)
    session.device = SimpleNamespace(type="cuda")

    assert calibration._evaluation(session, 64, until=30.0, clock=machine) == pytest.approx(0.0005)
    assert set(machine.evaluated) == {evaluation_batch(12, "cuda", 64)} == {4096}


def test_a_batch_that_takes_too_long_is_extrapolated_from_two_smaller_ones(monkeypatch):
    machine = Machine(monkeypatch, fixed=0.1, image=0.05, step=0.2, evaluation=0.02)

    speed = calibration.calibrate(CONFIG, macs=10**9, seconds=3.0, clock=machine)

    assert 6 < speed.batch < 40
    assert speed.image == pytest.approx(0.05 + 0.1 / 64)
    assert speed.step == pytest.approx(0.2)
    assert speed.evaluation == pytest.approx(0.02)
    assert machine.now - 20.0 < 4.0
    assert set(machine.evaluated) == {speed.batch}


def test_the_first_batch_is_as_large_as_its_multiplications_allow(monkeypatch):
    for macs, first in ((10**12, 2), (10**9, 6), (10**6, 64), (0, 64)):
        machine = Machine(monkeypatch, image=0.001, step=0.001, evaluation=0.001)
        calibration.calibrate(CONFIG, macs=macs, seconds=0.5, clock=machine)
        assert machine.sizes[:2] == [first, first]
        monkeypatch.undo()


def test_noise_makes_the_part_for_the_weights_no_more_than_half(monkeypatch):
    machine = Machine(monkeypatch, fixed=1.0, image=0.0001, step=0.01, evaluation=0.001)

    speed = calibration.calibrate(CONFIG, macs=10**9, seconds=4.0, clock=machine)

    longest = 1.0 + 0.0001 * speed.batch
    assert speed.batch < 64
    assert speed.image * 64 == pytest.approx(longest + longest / speed.batch / 2 * (64 - speed.batch))


def test_a_network_is_timed_on_noise_of_its_data_set_s_form_with_all_images_trained_on(monkeypatch):
    machine = Machine(monkeypatch, image=0.01, step=0.01, evaluation=0.01)

    calibration.calibrate(CONFIG.change(dataset="cifar10", batch_size=10, channels=1), macs=10, seconds=0.1, clock=machine)

    session = machine.session
    assert isinstance(session, Session)
    assert tuple(session.train_images.shape) == tuple(session.test_images.shape) == (10, 3, 32, 32)
    assert (len(session.classes), session.input_shape, len(session.validation_images)) == (10, (1, 12, 12), 0)
    assert session.train_images.max() > 250


def test_where_a_run_replays_its_steps_a_replay_is_timed(monkeypatch):
    machine = Machine(monkeypatch, fixed=0.016, image=0.001, step=0.01, evaluation=0.0005)

    class Timed(Tape):
        def record(self, work):
            replay = super().record(work)

            def takes_a_moment():
                machine.now += 0.004
                replay()

            return takes_a_moment

    made = []  # the first graph is of the run's own device, on which nothing is recorded
    monkeypatch.setattr(graph, "for_run", lambda *_: made.append(None) or graph.StepGraph(Timed() if len(made) > 1 else None))

    watched = calibration._session

    def with_a_gpu_s_kernels(config):
        session = watched(config)
        session.optimizer.param_groups[0]["fused"] = True
        return session

    monkeypatch.setattr(calibration, "_session", with_a_gpu_s_kernels)

    speed = calibration.calibrate(CONFIG, macs=10**6, seconds=3.0, clock=machine)

    assert (speed.image, speed.step, speed.batch) == (pytest.approx(0.004 / 64), 0.0, 64)
    assert speed.evaluation == pytest.approx(0.0005)
