"""Design with a network of one's own: rows are edited, undone, cured, saved, shared, and handed over to Train."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

import pytest
from page_fakes import FakeLab, follow, network_html, open_page, shown, widget
from page_runs import RunsLab

from cnnlab.access.roles import Person, Role
from cnnlab.architectures.own import Network
from cnnlab.architectures.own.templates import template
from cnnlab.compute import code
from cnnlab.config import RunConfig
from cnnlab.errors import NotAllowed
from cnnlab.networks import Networks, SavedNetwork
from cnnlab.runs.checked import Checked
from cnnlab.runs.store_log import Log
from cnnlab.seen import _SeenNetworks
from pages._parts.builder import state


def ask(question, /, **arguments):
    return getattr(code, question)(None, **arguments)


@pytest.fixture
def lab(tmp_path):
    lab = FakeLab()
    lab.networks = Networks(tmp_path, ask)
    return lab


def own(monkeypatch, lab, network=None, **address):
    token = (network or template("lenet")).token
    return open_page(monkeypatch, "design", lab, architecture="custom", network=token, **address)


def network_of(app):
    (token,) = app.query_params["network"] if isinstance(app.query_params["network"], list) else [app.query_params["network"]]
    return Network.read(token)


def table(app):
    """The table of rows, in HTML."""
    return next(html for html in network_html(app) if "cnn-row" in html)


def select(app, row):
    app.session_state[state._ROW] = row
    return app.run()


def press(app, label):
    return widget(app.button, label).click().run()


def errors(app):
    return [error.value.replace("\\", "") for error in app.error]


def train_link(app):
    return next(each.proto for each in app.get("page_link") if each.proto.label == "Train this network")


def test_a_link_opens_the_rows_with_shapes_totals_and_the_way_to_train(monkeypatch, lab):
    app = own(monkeypatch, lab)

    assert not app.exception
    assert not app.error
    assert shown(app, "Parameters") == "61,706"
    assert table(app).count('class="cnn-row') == 12
    assert "<td>6 channels, 5×5, pad 2</td><td>6×28×28</td><td>156</td>" in table(app)
    handed = dict(parse_qsl(train_link(app).query_string))
    assert handed == {"architecture": "custom", "network": template("lenet").token, "image_size": "28"}
    assert any(caption.value == "12 rows, 61,706 parameters" for caption in app.caption)


def test_rows_are_changed_added_moved_copied_and_deleted_and_each_step_can_be_undone(monkeypatch, lab):
    app = own(monkeypatch, lab)

    widget(app.number_input, "Channels").set_value(12).run()
    assert "12×28×28" in table(app)
    press(app, "Duplicate")
    press(app, "Move down")
    press(app, "Dropout")
    assert [layer.name for layer in network_of(app).layers[:5]] == ["conv1", "activation1", "conv3", "dropout1", "pool1"]
    widget(app.selectbox, "Kind").set_value("norm").run()
    widget(app.text_input, "Name of the row").set_value("my_norm").run()
    assert network_of(app).layers[3].name == "my_norm"
    press(app, "Delete")
    after = network_of(app)
    assert [layer.name for layer in after.layers[:4]] == ["conv1", "activation1", "conv3", "pool1"]

    for _ in range(7):
        press(app, "Undo")
    assert network_of(app) == template("lenet")
    assert widget(app.button, "Undo").disabled
    for _ in range(7):
        press(app, "Redo")
    assert network_of(app) == after
    assert not app.exception


def test_a_wrong_value_is_refused_at_its_control_and_the_row_keeps_its_own(monkeypatch, lab):
    app = own(monkeypatch, lab)

    widget(app.number_input, "Channels").set_value(99_999).run()

    assert errors(app) == ["Channels must be a whole number from 0 to 4096, not 99999."]
    assert widget(app.number_input, "Channels").value == 6
    assert network_of(app) == template("lenet")
    widget(app.text_input, "Name of the row").set_value("forward").run()
    assert "has another meaning in PyTorch or Python" in errors(app)[0]


def test_a_row_that_does_not_fit_has_its_reason_and_a_button_that_cures_it(monkeypatch, lab):
    app = own(monkeypatch, lab)
    select(app, 6)
    press(app, "Delete")

    (reason,) = errors(app)
    assert (
        reason
        == "Row 7 of the network (linear1): a dense layer needs a vector, and is given maps of 16×5×5: put a flatten before it."
    )
    assert table(app).index("cnn-reason") < table(app).index('data-row="7"')
    assert train_link(app).disabled
    assert "does not fit" in network_html(app)[0]

    press(app, "Put a flatten before it")
    assert not app.error
    assert shown(app, "Parameters") == "61,706"
    assert not train_link(app).disabled


def test_larger_images_are_a_cure_where_a_window_is_too_large(monkeypatch, lab):
    rows = [*[{"kind": "pool"}] * 5, {"kind": "flatten"}, {"kind": "linear", "units": 0}]
    app = own(monkeypatch, lab, Network.make("Deep", rows))

    assert "Row 5 of the network (pool5): a window of 2×2 is larger than maps of 1×1" in errors(app)[0]
    press(app, "Images of 32×32 px")
    assert not app.error


def test_a_path_begins_at_another_row_and_an_addition_joins_it(monkeypatch, lab):
    app = own(monkeypatch, lab, template("shortcut"))
    select(app, 8)

    assert widget(app.multiselect, "Takes its inputs from").value == ["norm3", "activation1"]
    widget(app.multiselect, "Takes its inputs from").set_value(["norm3", "norm1"]).run()
    assert network_of(app).layers[8].inputs == ("norm3", "norm1")
    widget(app.multiselect, "Takes its inputs from").set_value(["norm3"]).run()
    assert "it joins 2 rows above it, not 1" in errors(app)[0]
    drawing = network_html(app)[0]
    assert ">add1<" in drawing  # the paths are one box, not a chain
    assert ">conv3<" not in drawing


def test_a_family_is_written_out_and_back_is_one_press(monkeypatch, lab):
    app = open_page(monkeypatch, "design", lab, architecture="resnet9", width="16")
    before = shown(app, "Parameters")

    press(app, "Change its layers")
    assert not app.exception
    assert shown(app, "Parameters") == before
    assert network_of(app).title == "My ResNet-9"
    widget(app.button_group, "Network").set_value("built-in").run()
    assert not app.exception
    assert not any("In the address" in warning.value for warning in app.warning)


def test_a_network_is_saved_opened_and_deleted(monkeypatch, lab):
    app = own(monkeypatch, lab)
    widget(app.text_input, "Name of the network").set_value("Mine, all mine").run()
    press(app, "Save in the lab")

    (saved,) = lab.networks.every()
    assert saved.network.title == "Mine, all mine"
    app = own(monkeypatch, lab, template("vgg"))
    app.session_state["design:own sources"] = True
    app.run()
    press(app, "Open")
    assert network_of(app) == saved.network
    widget(app.text_input, "Name of the network").set_value("<b>*x*</b>").run()
    assert "A network needs a name of 1 to 60" in errors(app)[0]


def test_the_training_form_says_whose_layers_it_has_and_its_address_keeps_them(monkeypatch, tmp_path):
    network = template("shortcut")
    app = open_page(monkeypatch, "train", RunsLab(tmp_path), architecture="custom", network=network.token)

    assert not app.exception
    assert any("**My shortcut**, 14 rows" in text.value for text in app.markdown)
    widget(app.number_input, "Epochs").set_value(2).run()
    assert network_of(app) == network
    assert RunConfig.make(architecture="custom", options={"network": network.text}) == app.session_state[
        "configuration of the training form"
    ].change(**{name: value for name, value in RunConfig.make() if name not in ("architecture", "options")})


@pytest.mark.parametrize("network", ["x", "{", "eJ" + "A" * 9_000, '{"title":"x","layers":[{"kind":"magic"}]}'])
def test_a_wrong_address_is_a_sentence_and_the_default(monkeypatch, lab, network):
    app = open_page(monkeypatch, "design", lab, network=network)

    assert not app.exception
    assert any("In the address: " in warning.value for warning in app.warning)
    assert shown(app, "Parameters") == "61,706"


def test_the_network_stays_when_another_page_was_open(monkeypatch, lab):
    app = own(monkeypatch, lab)
    widget(app.number_input, "Channels").set_value(9).run()

    follow(follow(app, "data"), "design")

    assert network_of(app).layers[0].settings["channels"] == 9


def test_a_person_of_a_class_saves_as_themselves_and_deletes_their_own(tmp_path, store):
    every = Networks(tmp_path, ask)
    log = Log(store)

    def seen_by(person):
        return _SeenNetworks(every, person, Checked(person, log))

    ana, ben = (seen_by(Person(name, Role.STUDENT)) for name in ("Ana", "Ben"))
    observer = seen_by(Person("Parents", Role.OBSERVER))
    apart = seen_by(Person("Ben", Role.STUDENT, apart=True))

    saved = ana.save(template("lenet"), owner="Ben")

    assert saved.owner == "Ana"
    assert [each.id for each in ben.every()] == [saved.id]
    assert apart.every() == ()
    assert apart.find(saved.id) is None
    with pytest.raises(NotAllowed, match="This network belongs to Ana"):
        ben.delete(SavedNetwork(saved.id, saved.network, "Ben", 0))
    with pytest.raises(NotAllowed, match="You are here to look"):
        observer.save(template("lenet"))
    ana.delete(saved)
    assert every.every() == ()


def test_saving_keeps_one_of_a_name_and_no_more_than_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("cnnlab.networks.MOST_OF_ONE", 3)
    networks = Networks(tmp_path, ask)
    first = networks.save(template("lenet"), owner="Ana")

    assert networks.save(template("lenet"), owner="Ana").id == first.id
    assert networks.save(template("lenet"), owner="Ben").id != first.id
    for number in range(2):
        networks.save(template("lenet").named(f"N{number}"), owner="Ana")
    with pytest.raises(Exception, match="3 networks are saved here already: delete some"):
        networks.save(template("vgg"), owner="Ana")
    damaged = tmp_path / "networks" / f"{first.id}.json"
    damaged.write_text(json.dumps({"network": "{", "owner": "Ana", "made": 0}), encoding="utf-8")
    assert networks.find(first.id) is None
    assert networks.find("../../etc/passwd") is None
