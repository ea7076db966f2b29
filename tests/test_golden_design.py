"""The design page as text: networks with their drawing, table, bars and totals; beside each other; and networks that fail."""

from __future__ import annotations

import re

import pytest
import streamlit as st
from golden_lab import in_rows, with_steps
from golden_text import check
from page_fakes import FakeLab, open_page, widget

from cnnlab import figures
from cnnlab.layers.failing import table_or_failure
from cnnlab.layers.trace import layer_table
from pages._parts.network_view import layers_html


class DesignLab(FakeLab):
    """FakeLab that keeps what it was asked to forecast."""

    def __init__(self):
        super().__init__()
        self.asked = []

    def forecast(self, config, *, table=None, calibrate=True, wait=0.0):
        options = ", ".join(f"{name} {value}" for name, value in sorted(config.options.items()))
        self.asked.append(
            f"forecast of {config.architecture} on {config.dataset}: {config.channels} of {config.image_size}, "
            f"batch {config.batch_size}, {options}; its table has {table.parameters} parameters; calibrate {calibrate}"
        )
        return super().forecast(config, table=table, calibrate=calibrate, wait=wait)


SCENES = {
    "lenet": {
        "channels": "3", "image_size": "32", "classes": "7", "options.channels": "5,15", "batch_norm": "true", "dropout": "0.25",
        "activation": "tanh", "pooling": "max", "compare": "mlp", "compare.hidden": "300,100", "compare.batch_norm": "true",
    },
    "mlp": {"architecture": "mlp", "compare": "lenet", "detail": "1"},
    "blocks": {"architecture": "course-resnet", "detail": "1", "image_size": "64"},
    "parts": {"architecture": "resnet9", "detail": "2", "image_size": "48", "width": "16"},
    "fails": {"architecture": "alexnet", "image_size": "64", "detail": "1", "compare": "nin"},
    "fails-by-option": {"options.channels": "6,16,32", "nobody": "1"},
    "second-fails": {"image_size": "48", "compare": "alexnet", "compare.image_size": "64", "compare.classes": "12"},
    "same-input": {"image_size": "48", "compare": "lenet", "compare.image_size": "48", "compare.activation": "relu"},
}  # fmt: skip


@pytest.mark.parametrize("scene", SCENES)
def test_a_design(monkeypatch, regenerate_golden, scene):
    lab = DesignLab()

    app = open_page(monkeypatch, "design", lab, **SCENES[scene])

    assert not app.exception
    text = in_rows(with_steps(app))
    if scene not in ("lenet", "parts"):  # its controls and its table are those of the first
        text = re.sub(r"(?m)^ +(tr|expander label=What|- \*\*|(text_|number_)input|toggle|selectbox) .*\n", "", text)
    check(f"pages/design-{scene}", text + "\n".join(lab.asked) + "\n", regenerate=regenerate_golden)


def test_wrong_values_and_the_buttons_that_put_them_right(monkeypatch, regenerate_golden):
    app, written = open_page(monkeypatch, "design", DesignLab(), compare="mlp"), []

    def after(act, *controls):
        act().run()
        address = {name: "".join(value) for name, value in app.query_params.items()}
        cures = [(each.label, each.icon) for each in app.button if each.key and each.key.startswith("cure")]
        link = next(each.proto for each in app.get("page_link") if each.proto.label == "Train this network")
        written.append(
            f"{[each.value for each in app.error]}, {cures}, {address}, {link.query_string}, {link.disabled}, {link.help}"
        )
        written.extend(f"  {name}: {value}" for name, value in ((name, control().value) for name, control in controls))

    def hidden(place=0):
        return [each for each in app.text_input if each.label == "Hidden layers"][place]

    def classes(place=0):
        return [each for each in app.number_input if each.label == "Classes"][place]

    after(lambda: hidden().set_value("120, many"), ("hidden", hidden))
    after(widget(app.button, "Use 120, 84").click, ("hidden", hidden))
    after(lambda: classes().set_value(1_001), ("classes", classes))
    after(widget(app.button, "Use 10").click, ("classes", classes))
    after(lambda: hidden(1).set_value("x"), ("hidden of the second", lambda: hidden(1)))
    after(lambda: hidden(1).set_value("30"), ("hidden of the second", lambda: hidden(1)))
    after(lambda: classes(1).set_value(5), ("classes of the second", lambda: classes(1)))
    after(widget(app.button, "Give both 1×28×28 and 5 classes").click, ("classes", classes), ("second", lambda: classes(1)))

    check("pages/design-wrong", "\n".join(written) + "\n", regenerate=regenerate_golden)


def test_a_design_as_files(monkeypatch, regenerate_golden):
    files = []
    monkeypatch.setattr(type(st.container()), "download_button", lambda self, *file, **more: files.append((*file, more)))

    open_page(monkeypatch, "design", DesignLab(), architecture="resnet9", detail="1", width="16")

    text = "\n".join(f"{label}: {name}, {kind}, {more}\n{content}" for label, content, name, kind, more in files)
    check("pages/design-files", text.replace("><", ">\n<"), regenerate=regenerate_golden)


def test_networks_drawn_as_html(regenerate_golden):
    """With what only programs read: places of stages, values to sort by."""
    first, second = (layer_table("resnet9", (3, 32, 32), 10, {"width": width}) for width in (4, 6))
    drawn = {
        "drawing": figures.network_drawing(first, "A & <b>"),
        "legend": figures.legend(first),
        "distribution": figures.distribution_bars(first),
        "comparison": figures.compare_bars(first, second, ("A & <b>", "B")),
        "layers": layers_html(first.fold(1), first),
        "failed": layers_html(failed := table_or_failure("alexnet", (1, 64, 64), 10, {}), failed).partition("<tfoot")[2],
        "failed drawing": figures.network_drawing(failed, "failed").rpartition("<li")[2],
        "file": figures.network_svg(layer_table("nin"), "NiN & <more>"),
    }

    text = "\n".join(f"--- {name}\n{html}" for name, html in drawn.items())
    check(
        "pages/design-html",
        re.sub(r"(<(tr|li|g|text|ol|ul|table|tbody|tfoot)[ >])", r"\n\1", text) + "\n",
        regenerate=regenerate_golden,
    )


def test_what_fails_has_no_figures(monkeypatch):
    table = table_or_failure("alexnet", (1, 64, 64), 10, {})
    app = open_page(monkeypatch, "design", DesignLab(), architecture="alexnet", image_size="64")

    assert table.failure
    assert not app.metric
    assert [each.proto.label for each in app.get("download_button")] == ["Table as CSV"]
