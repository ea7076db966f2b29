"""Own data sets in a lab: their import in the background, their versions, who may do what, and runs on them."""

from __future__ import annotations

import ast
import io
import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from command_lab import commands_in
from made_runs import CONFIG
from own_files import folder, job, pets, picture, zipped
from taught import make_class
from typer.testing import CliRunner

from cnnlab import datasets, importing, predictions
from cnnlab.access.roles import Person, Role
from cnnlab.cli import app
from cnnlab.config import RunConfig
from cnnlab.datasets import mapped
from cnnlab.datasets.loading import ImageData, load
from cnnlab.datasets.own import ImageAt
from cnnlab.datasets.places import Places
from cnnlab.diagnosis import did_not_learn
from cnnlab.errors import ConfigError, DataError, LimitError, NotAllowed
from cnnlab.exports import script_images
from cnnlab.exports.script import Recipe, script
from cnnlab.forecasts.usage import set_bytes, usage
from cnnlab.i18n import translated, using
from cnnlab.lab import Lab
from cnnlab.own_data.bringing import bring
from cnnlab.own_data.values import Choices, ImportStatus
from cnnlab.reports.svg_files import MOST_CLASSES, drawn_classes
from cnnlab.seen import seen_by
from cnnlab.system import processes, working_home
from cnnlab.system.home import private_file, write_private
from cnnlab.training.batches import set_aside
from cnnlab.training.engine import train
from cnnlab.training.evaluation import evaluate
from cnnlab.training.transforms import Preparation
from cnnlab.values import EvaluatedRun, PredictionPage
from cnnlab.workers import imports, queueing
from pages._parts.predict import confusion

ANA, BEN = Person("Ana Silva", Role.STUDENT), Person("Ben Okafor", Role.STUDENT)
TEACHER, OBSERVER = Person("Ms Li", Role.TEACHER), Person("Parents", Role.OBSERVER)


@pytest.fixture
def lab(tmp_path, monkeypatch):
    """A lab that asks no helper, and starts no process."""
    monkeypatch.delenv("CNNLAB_SHARED_DATA", raising=False)
    monkeypatch.setenv(working_home.HOME, "")  # put back afterwards
    monkeypatch.setattr(queueing.background, "ensure", lambda home: None)
    with closing(Lab(tmp_path / "home")) as lab:
        lab._helper.ask = lambda question, **arguments: None
        lab._admission.new = lambda *_: SimpleNamespace(admit=None)
        yield lab


@pytest.fixture
def kept(lab, tmp_path):
    """A set of ten cats and ten dogs."""
    return bring(job(lab.home, folder(tmp_path / "pets", pets(10))))


def test_a_persons_data_sets_count_for_their_part_of_the_disk_and_a_teacher_cleans_them_up(lab, tmp_path, limit, monkeypatch):
    make_class(lab.home, (ANA, BEN, TEACHER))
    for person in (ANA, BEN):
        bring(job(lab.home, folder(tmp_path / person.name, pets(10)), f"Pets of {person.name}", owner=person.name, for_all=False))
    bring(job(lab.home, folder(tmp_path / "all", pets(4)), "For all", owner=TEACHER.name, for_all=True))
    pictures = next(each for each in lab.own_data.sets() if each.owner == ANA.name)
    taken = usage(lab._store, ANA.name, time.time()).disk_bytes
    assert taken == set_bytes(lab.home, pictures) > pictures.image_bytes

    ana, begun = seen_by(lab, ANA), []
    monkeypatch.setattr(imports.processes, "start_detached", lambda *given: begun.append(given))
    limit(f"[student]\ndisk_per_owner = {taken}")
    zip_file = zipped(tmp_path / "more.zip", pets(4)).read_bytes()
    with pytest.raises(LimitError, match=r"^Your runs and data sets take .*, and this lab allows .* a person: delete some"):
        ana.own_data.upload("more.zip", io.BytesIO(zip_file), Choices("More"))
    limit(f"[student]\ndisk_per_owner = {taken + 1_000}")
    assert imports.left_for(lab.home, ANA.name) == 1_000
    ana.own_data.upload("more.zip", io.BytesIO(zip_file), Choices("More"))
    assert begun, "the images are bounded where they are read"
    imports.work(lab.home)
    assert "and 1 kB are left for them" in ana.own_data.status().message

    run_id = seen_by(lab, BEN).start(
        CONFIG.change(dataset=next(s.name for s in lab.own_data.sets() if s.owner == BEN.name)), token="t"
    )
    teacher = seen_by(lab, TEACHER)
    shares = {share.owner: (share.runs, share.sets, share.bytes) for share in teacher.teaching.shares()}
    assert (shares[ANA.name], shares[BEN.name][:2], shares[TEACHER.name][:2]) == ((0, 1, taken), (1, 1), (0, 1))
    student = next(each for each in teacher.teaching.overview().students if each.name == ANA.name)
    assert student.disk == taken
    plan = teacher.teaching.clean_up(None, "data")
    assert ([each.owner for each in plan.sets], plan.runs, plan.bytes) == ([ANA.name], (), taken), "not Ben's, which a run uses"
    lab.stop(run_id)
    assert [each.owner for each in teacher.teaching.clean_up(BEN.name, "data").sets] == [BEN.name]
    teacher.own_data.delete(plan.sets[0].name)
    (entry, *_) = lab.teaching.log(1)
    assert (entry.who, entry.did, entry.what, entry.whose) == ("Ms Li", "data delete", pictures.base, ANA.name)
    assert usage(lab._store, ANA.name, time.time()).disk_bytes < taken - pictures.image_bytes


def test_images_set_aside_make_a_version_that_leaves_them_out_and_can_come_back(lab, kept):
    before = load("own-pets", Places(lab.home))
    name = lab.own_data.set_aside("own-pets", [ImageAt("train", 2), ImageAt("test", 0)])
    after = load(name, Places(lab.home))
    assert (name, datasets.entry(name).title, lab.own_data.sets()[0].name) == ("own-pets.2", "Pets (2 images set aside)", name)
    assert torch.equal(after.train_images, torch.cat((before.train_images[:2], before.train_images[3:])))
    assert torch.equal(after.test_labels, before.test_labels[1:]) and lab.own_data.kept(name, "train")[:4] == [0, 1, 3, 4]
    assert [status.entry.name for status in lab.datasets()][-1] == name and lab.dataset("own-pets").entry.train_images == 16
    assert lab.own_data.take_back(name, [ImageAt("test", 0)]) == "own-pets.3"
    assert lab.own_data.take_back("own-pets.3", [ImageAt("train", 2)]) == "own-pets"  # the same images are the same version
    assert torch.equal(load("own-pets", Places(lab.home)).train_images, before.train_images)
    cats = [ImageAt("train", int(index)) for index in np.flatnonzero(lab.own_data.stored("own-pets", "train").labels == 0)]
    with pytest.raises(ConfigError, match="“cat” would have no image left"):
        lab.own_data.set_aside("own-pets", cats)
    with pytest.raises(ConfigError, match="There is no image 99"):
        lab.own_data.set_aside("own-pets", [ImageAt("train", 99)])
    with using("zh"):
        assert translated(datasets.entry(name).title).startswith("Pets")


def test_a_deleted_set_leaves_its_runs_readable_and_its_name_taken(lab, kept, tmp_path):
    run_id = lab.start(RunConfig.make(dataset="own-pets"), token="a")
    with pytest.raises(DataError, match=f"is used by run {run_id}"):
        lab.own_data.delete("own-pets")
    lab.stop(run_id)
    lab.own_data.rename("own-pets", " Four\nlegs ")
    lab.own_data.delete("own-pets")
    assert lab.runs()[0].config.title == "LeNet-5 on Four legs" and lab.summaries().runs[0].dataset == "own-pets"
    assert lab.own_data.sets() == () and "own-pets" not in {status.entry.name for status in lab.datasets()}
    assert (
        lab.dataset("own-pets").problem == "The images of the data set Four legs were deleted; import them again to train on them."
    )
    with pytest.raises(DataError, match="were deleted"):
        load("own-pets", Places(lab.home))
    assert {path.name for path in (lab.home / "own_data" / "own-pets").iterdir()} == {"set.json"}
    assert bring(job(lab.home, tmp_path / "pets")).name == "own-pets-2"


def test_a_damaged_set_is_named_and_hides_no_other(lab, kept, tmp_path):
    other = bring(job(lab.home, tmp_path / "pets", "Other"))
    (lab.home / "own_data" / "own-pets" / "train.u8").write_bytes(b"x")
    with pytest.raises(DataError, match="Pets are damaged or missing; import them again"):
        load("own-pets", Places(lab.home))
    (lab.home / "own_data" / "own-pets" / "set.json").write_text('{"versions": 3}')
    assert [each.name for each in lab.own_data.sets()] == [other.name]
    with pytest.raises(ConfigError, match="There is no data set"):
        datasets.entry("own-pets")


def test_a_set_too_large_for_memory_stays_on_the_disk_and_trains_alike(lab, kept, monkeypatch):
    config = RunConfig.make(
        dataset="own-pets", epochs=1, batch_size=4, validation_share=0.25, normalization="dataset", device="cpu"
    )

    def trained():
        data = load(lab.own_data.set_aside("own-pets", [ImageAt("train", 0)]), Places(lab.home))
        return data, [repr(event.train_loss) for event in train(config, data) if type(event).__name__ == "EpochDone"]

    in_memory, expected = trained()
    monkeypatch.setattr(mapped, "stays_on_disk", lambda size: True)
    lab.own_data.rename("own-pets", "Again")  # its record changes, so it is loaded again
    on_disk, found = trained()
    assert found == expected and in_memory.spool is None and on_disk.spool is not None
    rest, aside, _ = set_aside(on_disk, 0.25, 0)
    for images in (on_disk.train_images, rest.train_images, aside, on_disk.take(0.5).train_images):
        assert is_mapped(images) and not is_mapped(in_memory.train_images)
    assert not list(on_disk.spool.glob(".part-*"))


def is_mapped(images: torch.Tensor) -> bool:
    """Whether the memory of a tensor is a file's."""
    with Path("/proc/self/maps").open(encoding="ascii") as maps:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= images.data_ptr() < end:
                return "own_data" in line
    return False


def test_three_hundred_classes_are_told_apart(tmp_path):
    names = tuple(f"c{number}" for number in range(300))
    images, labels = torch.zeros(300, 1, 8, 8, dtype=torch.uint8), torch.arange(300)
    model = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 300))
    torch.nn.init.zeros_(model[1].weight)
    with torch.no_grad():
        model[1].bias.copy_(torch.arange(300.0))
    found = evaluate(model, images, labels, Preparation(1, 8))
    assert found.predicted.tolist() == [299] * 300 and found.accuracy == pytest.approx(1 / 300)
    assert len(ImageData("x", names, images, labels, images, labels).take(0.5).train_labels) == 150


def test_of_many_classes_the_matrix_draws_those_with_the_most_mistakes():
    counts = np.diag([5] * 300)
    counts[7, 299] = 3
    page = PredictionPage("best", 1, tuple(f"<{n}>" for n in range(300)), 0, 0, 0, tuple(map(tuple, counts.tolist())), (), ())
    drawn = drawn_classes(page.confusion, 120, None)
    assert len(drawn) == MOST_CLASSES and {7, 120, 299} <= set(drawn) and drawn == sorted(drawn)
    text = confusion.matrix_html(page, drawn)
    assert "&lt;7&gt; taken for &lt;299&gt;: 3 of 8 images" in text and text.count("<button") == MOST_CLASSES**2


def test_of_two_classes_seventy_in_a_hundred_is_more_than_guessing():
    assert did_not_learn(2, 0.69, 0.52) and not did_not_learn(2, 0.6, 0.7)
    assert did_not_learn(10, 2.3, 0.149) and not did_not_learn(10, 2.0, 0.15)


def test_a_script_loads_the_images_of_the_run(lab, kept, tmp_path):
    name = lab.own_data.set_aside("own-pets", [ImageAt("train", 1)])
    scope = {"torch": torch, "FOLDER": lab.home / "own_data" / "own-pets", "LEFT_OUT": script_images.left_out(name)}
    code = script_images.loading(RunConfig.make(dataset=name))
    exec(code.partition("def seed_for")[0], scope)  # noqa: S102  the program that the lab writes
    data = load(name, Places(lab.home))
    for train_, images, labels in ((True, data.train_images, data.train_labels), (False, data.test_images, data.test_labels)):
        found = scope["load_images"](train_)
        assert torch.equal(found[0], images) and torch.equal(found[1], labels)


def test_a_title_stays_text_in_a_program(lab, tmp_path):
    title = '"""; raise SystemExit("taken over") #\\'
    made = bring(
        job(lab.home, folder(tmp_path / "x", {f"{name}/{n}.png": picture(n) for name in ("a", "'b\"") for n in range(2)}), title)
    )
    config = RunConfig.make(dataset=made.name)
    recipe = Recipe(config, made.classes, Preparation(3, 28), "float32", "a1b2c3d4", None)
    tree = ast.parse(script(recipe))
    assert "raise SystemExit('taken over')" in " ".join(ast.get_docstring(tree).split())
    names = next(node.value for node in tree.body if isinstance(node, ast.Assign) and node.targets[0].id == "CLASSES")
    assert ast.literal_eval(names) == list(made.classes)


def test_names_of_own_classes_that_come_from_the_helper_are_not_translated(lab, tmp_path):
    bring(job(lab.home, folder(tmp_path / "x", {f"{name}/{n}.png": picture(n) for name in ("bird", "cat") for n in range(2)})))
    page = PredictionPage("best", 1, ("bird", "cat"), 0, 0, 0, (), (), ())
    lab._helper.ask = lambda question, **_: page
    lab._evaluated = lambda run_id: EvaluatedRun(run_id, run_id, None)
    with using("zh"):
        for dataset, expected in (("own-pets", "bird"), ("cifar10", "鸟")):
            assert translated(predictions.Predictions.predictions(lab, dataset).classes[0]) == expected


# The import in the background


def test_an_upload_is_imported_by_a_process_of_its_own(lab, tmp_path):
    content = zipped(tmp_path / "x.zip", pets(3)).read_bytes()
    lab.own_data.upload("../../pets.zip", io.BytesIO(content), Choices("Pets"), owner="Ana")
    with pytest.raises(DataError, match="“Pets” is being imported"):
        lab.own_data.upload("more.zip", io.BytesIO(content), Choices("More"))
    until = time.monotonic() + 30
    while (status := lab.own_data.status()) and status.state == "running" and time.monotonic() < until:
        time.sleep(0.05)
    assert status == replace(status, state="finished", name="own-pets", title="Pets", owner="Ana", message="")
    made = lab.own_data.get("own-pets")
    assert (made.owner, made.source, made.classes) == ("Ana", "../../pets.zip", ("cat", "dog"))  # text, no path
    assert {path.name for path in (lab.home / "own_data").iterdir()} == {"own-pets"} and not (tmp_path / "pets.zip").exists()


@pytest.fixture
def ordered(lab, tmp_path, monkeypatch):
    """An import that was begun, and whose process the test plays."""
    monkeypatch.setattr(processes, "start_detached", lambda *_: None)
    monkeypatch.setattr(imports, "REPORT_SECONDS", 0.0)

    def order(files, title="Pets"):
        lab.own_data.upload("x.zip", io.BytesIO(zipped(tmp_path / "x.zip", files).read_bytes()), Choices(title))
        return lab.own_data

    return order


def test_an_import_that_is_stopped_keeps_nothing_and_one_that_fails_says_why(lab, ordered):
    data = ordered(pets(60))
    data.stop()
    imports.work(lab.home)
    assert (data.status().state, data.sets()) == ("stopped", ()) and not list((lab.home / "own_data").iterdir())
    data = ordered({"cat/1.png": b"x"})
    imports.work(lab.home)
    assert data.status().state == "failed" and data.status().message.startswith("x.zip cannot be used")
    data.forget()
    assert data.status() is None


def test_an_import_whose_process_was_killed_is_not_running_for_ever(lab, ordered, monkeypatch):
    data = ordered(pets(2))
    record = json.loads(private_file(lab.home, "import.json").read_text())
    write_private(private_file(lab.home, "import.json"), json.dumps(record | {"time": time.time() - 20}))
    (lab.home / "own_data" / ".new-left").mkdir()
    assert data.status() == ImportStatus("failed", "looking", 0, 0, "Pets", "", data.status().message)
    assert data.status().message == "The import of “Pets” ended unexpectedly; please start it again."
    ordered(pets(2))
    imports.work(lab.home)
    assert data.status().state == "finished" and [path.name for path in (lab.home / "own_data").iterdir()] == ["own-pets"]


def test_limits_and_the_disk_bound_what_is_kept(lab, limit, ordered, monkeypatch):
    limit('disk = "3 kB"')
    with pytest.raises(LimitError, match=r"larger than .* all that this lab takes now"):
        ordered(pets(9))
    limit('disk = "1 GB"')
    data = ordered(pets(9))
    monkeypatch.setattr(imports, "room", lambda home: 20_000)
    imports.work(lab.home)
    assert data.status().message.startswith("The images would take") and not data.sets()


def test_a_shared_folder_offers_names_and_takes_no_path(lab, tmp_path, monkeypatch):
    shared = tmp_path / "shared"
    folder(shared / "pets", pets(2))
    folder(shared, {"flowers.zip": b"PK", "notes.txt": b"x", ".hidden.zip": b"x"})
    monkeypatch.setenv("CNNLAB_SHARED_DATA", str(shared))
    orders = []
    monkeypatch.setattr(importing.imports, "begin", lambda home, order: orders.append(order))
    assert [(each.name, each.kind, each.bytes) for each in lab.own_data.shared()] == [
        ("flowers.zip", "file", 2),
        ("pets", "folder", None),
    ]
    for name in ("../secret", str(shared / "pets"), "notes.txt", ".hidden.zip", "pets/cat", ""):
        with pytest.raises(DataError, match="in the folder of shared data sets"):
            lab.own_data.take_shared(name, Choices("x"))
    lab.own_data.take_shared("pets", Choices("x"))
    assert [order.path for order in orders] == [str(shared / "pets")]


# Rights


def test_students_see_and_change_their_own_sets_and_see_those_for_all(lab, kept, tmp_path, monkeypatch):
    mine = bring(job(lab.home, tmp_path / "pets", "Mine", owner="Ana Silva", for_all=False))
    ana, ben, teacher, parents = (seen_by(lab, person) for person in (ANA, BEN, TEACHER, OBSERVER))
    names = [[each.name for each in view.own_data.sets()] for view in (ana, ben, teacher, parents)]
    assert names == [["own-mine", "own-pets"], ["own-pets"], ["own-mine", "own-pets"], ["own-pets"]]
    config = RunConfig.make(dataset="own-mine")
    for look in (
        lambda: ben.own_data.get("own-mine"),
        lambda: ben.own_data.stored("own-mine", "train"),
        lambda: ben.dataset("own-mine"),
        lambda: ben.pictures("own-mine", "train", 1),
        lambda: ben.class_counts("own-mine", "train"),
        lambda: ben.augmented("own-mine", 0, count=1, shift=0, flip=False, gray=0.0),
        lambda: ben.start(config, token="b"),
        lambda: ben.rates.test(config),
        lambda: ben.own_data.delete("own-mine", owner=None),
    ):
        with pytest.raises(ConfigError, match="There is no data set 'own-mine' of your own"):
            look()
    assert "own-mine" not in {status.entry.name for status in ben.datasets()}
    image = [ImageAt("train", 0)]
    for view, reason in ((ana, "only a teacher"), (parents, "here to look")):
        for change in (
            lambda data: data.rename("own-pets", "x", owner=None),
            lambda data: data.delete("own-pets"),
            lambda data: data.set_aside("own-pets", image),
            lambda data: data.take_back("own-pets", image),
        ):
            with pytest.raises(NotAllowed, match=reason):
                change(view.own_data)
    ana.own_data.rename("own-mine", "Hers")
    teacher.own_data.set_aside("own-pets", image)
    ana.start(config, token="a")
    assert lab.own_data.get(mine.name).title == "Hers"


def test_an_import_belongs_to_who_begins_it_and_others_see_no_more_than_that_it_runs(lab, monkeypatch):
    monkeypatch.setattr(processes, "start_detached", lambda *_: None)
    ana, ben, teacher, parents = (seen_by(lab, person).own_data for person in (ANA, BEN, TEACHER, OBSERVER))
    with pytest.raises(NotAllowed, match="here to look"):
        parents.upload("x.zip", io.BytesIO(b"x"), Choices("x"))
    ana.upload("x.zip", io.BytesIO(b"x"), Choices("Secret"), owner="Ben Okafor", for_all=True)
    order = json.loads(private_file(lab.home, "import-order.json").read_text())
    assert (order["owner"], order["for_all"]) == ("Ana Silva", False)
    assert (ana.status().title, ben.status().title, ben.status().owner, teacher.status().title) == ("Secret", "", "", "Secret")
    for stop in (ben.stop, ben.forget):
        with pytest.raises(NotAllowed, match="belongs to Ana Silva"):
            stop()
    teacher.stop()
    assert private_file(lab.home, "import-stop").exists()


# The command line


def test_the_command_imports_lists_and_removes(tmp_path, monkeypatch):
    monkeypatch.setenv(working_home.HOME, "")
    call = commands_in(tmp_path / "home", monkeypatch)
    given = folder(tmp_path / "pets", pets(5) | {"cat/b.png": b"x"})
    text = call("import", str(given), "--name", "My pets", "--gray", "--size", "16", "--test-share", "0.2")
    assert "My pets is imported as own-my-pets: 2 classes, 8 training and 2 test images of 1×16×16" in text
    assert "1 could not be read and were left out: cat/b.png." in text and "cat (4), dog (4)" in text
    assert json.loads(call("import", str(given), "--json"))["name"] == "own-pets"
    assert "own-my-pets  My pets" in call("import", "--list") and "own-my-pets" in call("datasets")
    call("import", "--remove", "own-my-pets")
    assert [each["name"] for each in json.loads(call("import", "--list", "--json"))["datasets"]] == ["own-pets"]


def test_ctrl_c_stops_the_command_in_a_sentence(tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(imports, "imported", interrupted)
    given = folder(tmp_path / "pets", pets(5))
    result = CliRunner().invoke(app, ["import", str(given), "--home", str(tmp_path / "home")])
    assert (result.exit_code, result.stderr) == (130, "The import was stopped, and nothing of it is kept.\n")
