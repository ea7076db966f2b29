"""The chart's own script, in a browser, with Plotly as it is installed."""

from __future__ import annotations

import pytest

from cnnlab.figures.curves import loss_curve
from pages._parts import live_plot
from pages._parts.live_plot import Chart, encoded

# Streamlit calls the script at each change, and what that returned when the element goes.
SHOW = """async ([script, data, pause]) => {
  const { default: show } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  const gone = show({ data: new TextEncoder().encode(data), parentElement: document.body });
  for (let i = 0; i < pause; i++) await Promise.resolve();
  window.again = () => show({ data: new TextEncoder().encode(data), parentElement: document.body });
  gone();
}"""


@pytest.fixture
def empty(page):
    page.errors = []
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.set_content("")
    page.add_script_tag(path=live_plot._PLOTLY / live_plot._FILE)
    return page


def _gone_while_drawing(page, pause: int) -> None:
    chart = Chart(loss_curve("a1b2c3d4", (), (), 5), "Loss")
    page.evaluate("html => { document.body.innerHTML = html; }", live_plot._HTML)
    page.evaluate(SHOW, [live_plot._JS, encoded(chart, chart).data.decode(), pause])


def test_a_chart_may_go_while_it_is_drawn_and_may_come_back(empty):
    for pause in range(6):
        _gone_while_drawing(empty, pause)
        empty.wait_for_timeout(200)
        assert empty.errors == [], pause
        assert empty.locator(".cnn-plot .main-svg").count() == 0, pause

    _gone_while_drawing(empty, 3)
    empty.evaluate("() => void window.again()")
    empty.wait_for_timeout(200)
    assert empty.errors == []
    assert empty.locator(".cnn-plot .main-svg").count() > 0
