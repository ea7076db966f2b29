"""plot.js in a browser, with the installed Plotly."""

from __future__ import annotations

from pathlib import Path

import pytest

from cnnlab.figures.curves import loss_curve
from pages._parts.live import plot as live_plot
from pages._parts.live.plot import Chart, Live, encoded

# Streamlit calls the script at each change, and the function that it returned when the element is removed.
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
    page.route("http://lab.test/", lambda route: route.fulfill(content_type="text/html", body="<body></body>"))
    page.goto("http://lab.test/")
    page.add_script_tag(path=live_plot._PLOTLY / live_plot._FILE)
    return page


def html() -> str:
    return Path(live_plot.__file__).with_suffix(".html").read_text(encoding="utf-8")


def script() -> str:
    return Path(live_plot.__file__).with_suffix(".js").read_text(encoding="utf-8")


def _gone_while_drawing(page, pause: int) -> None:
    chart = Chart(loss_curve("a1b2c3d4", (), (), 5), "Loss")
    page.evaluate("html => { document.body.innerHTML = html; }", html())
    page.evaluate(SHOW, [script(), encoded(chart, chart).data.decode(), pause])


def test_a_chart_may_go_while_it_is_drawn_and_may_come_back(empty):
    for pause in range(6):
        _gone_while_drawing(empty, pause)
        empty.wait_for_timeout(200)
        assert empty.errors == [], pause
        assert empty.locator(".cnn-plot .main-svg").count() == 0, pause

    _gone_while_drawing(empty, 3)
    empty.evaluate("() => void window.again()")
    empty.locator(".cnn-plot .main-svg").first.wait_for()
    assert empty.errors == []


FOLLOW = """async ([script, data]) => {
  const { default: show } = await import(URL.createObjectURL(new Blob([script], { type: "text/javascript" })));
  window.asked = 0;
  const setTriggerValue = () => { window.asked++; };
  window.again = () => show({ data: new TextEncoder().encode(data), parentElement: document.body, setTriggerValue });
  window.gone = window.again();
}"""

FOLLOW_AGAIN = """async () => {
  const quick = window.fetch;
  window.fetch = (...asked) => new Promise((resolve) => setTimeout(resolve, 50)).then(() => quick(...asked));
  for (let i = 0; i < 50; i++) {
    window.again();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}"""


def test_a_run_in_progress_fetches_its_news_and_asks_for_more_only_where_more_has_changed(empty):
    def shown(sentence: str, **changed) -> str:
        live = {"sentence": sentence, "share": 0.5, "page_revision": 1, "table_revision": 2}
        live |= {"poll_every": 0.05, "redraw_every": 60.0, "feed": "news/a"}
        curve = loss_curve("a1b2c3d4", (), (), 5)
        return encoded(
            Chart(curve, "Loss", heading="How wrong it is"), live=Live(icon="play_circle", word="Training", **(live | changed))
        ).data.decode()

    answers = {"body": shown("epoch 1 of 5", share=0.2), "status": 200}
    fetched = []
    empty.route("**/news/a", lambda route: (fetched.append(1), route.fulfill(**answers)))
    sentence = empty.locator(".cnn-progress p")
    empty.evaluate("html => { document.body.innerHTML = html; }", html())

    empty.evaluate(FOLLOW, [script(), shown("epoch 1 of 5", share=0.2)])
    assert sentence.inner_text().endswith("Training: epoch 1 of 5")
    assert empty.locator("[role=progressbar]").get_attribute("aria-valuenow") == "20"
    answers["body"] = shown("epoch 2 of 5")
    sentence.get_by_text("epoch 2 of 5").wait_for()
    assert empty.locator("[role=progressbar]").get_attribute("aria-valuenow") == "50"
    assert empty.locator(".cnn-bar > div").evaluate("bar => bar.style.width") == "50%"
    assert empty.locator("figcaption").inner_text() == "How wrong it is"

    answers["body"] = shown("epoch 3 of 5", table_revision=3)
    sentence.get_by_text("epoch 3 of 5").wait_for()
    assert empty.evaluate("asked") == 0  # many browsers watch: not yet
    answers["body"] = shown("done", page_revision=4)
    empty.wait_for_function("asked > 0")
    empty.evaluate(FOLLOW_AGAIN)  # redraws during requests start no second loop
    empty.wait_for_timeout(1_000)
    count = len(fetched)
    empty.wait_for_timeout(1_000)
    assert len(fetched) - count < 15  # each takes a tenth of a second

    answers |= {"status": 404, "body": ""}
    before = empty.evaluate("asked")
    empty.wait_for_function(f"asked > {before}")  # polls fail: the script can show why

    empty.evaluate("gone()")
    empty.wait_for_timeout(200)
    count = len(fetched)
    empty.wait_for_timeout(300)
    assert len(fetched) == count
    assert empty.errors == []


SLOWER = """cost => {
  window.draws = 0;
  const quick = Plotly.react;
  Plotly.react = (...chart) => {
    window.draws++;
    for (const until = performance.now() + cost; performance.now() < until;);
    return quick.apply(Plotly, chart);
  };
}"""
SEEN = """hidden => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def following(empty, shown: dict[str, str]) -> None:
    """Shows `shown["now"]`, and answers the polls with what it is then."""
    empty.route("**/news/a", lambda route: route.fulfill(body=shown["now"]))
    empty.evaluate("html => { document.body.innerHTML = html; }", html())
    empty.evaluate(FOLLOW, [script(), shown["now"]])


def begun(points: int, **live) -> str:
    """A run in progress with so many points."""
    figure = loss_curve("a1b2c3d4", (), (), 5) | {"data": [{"x": list(range(points)), "y": list(range(points))}]}
    rest = {"poll_every": 0.05, "redraw_every": 60.0, "feed": "news/a", "share": 0.5, "page_revision": 1, "table_revision": 1}
    return encoded(Chart(figure, "Loss"), live=Live(icon="a", word="Training", sentence="", **(rest | live))).data.decode()


def test_a_run_that_begins_is_drawn_with_its_first_point_and_not_empty_before(empty):
    empty.evaluate(SLOWER, 0)
    shown = {"now": begun(0)}
    following(empty, shown)
    empty.wait_for_timeout(1_200)
    assert empty.evaluate("draws") == 0

    shown["now"] = begun(1)
    empty.wait_for_function("draws === 1")
    assert empty.evaluate("document.querySelector('.cnn-plot').data[0].x.length") == 1


def test_a_run_without_a_point_is_drawn_empty_where_it_waits_long_or_has_ended(empty):
    empty.evaluate(SLOWER, 0)
    following(empty, {"now": begun(0)})
    empty.locator(".cnn-plot .main-svg").first.wait_for(timeout=6_000)

    empty.evaluate("gone()")
    before = empty.evaluate("draws")
    following(empty, {"now": begun(0, feed=None)})
    empty.wait_for_function(f"draws > {before}", timeout=1_500)
    assert empty.errors == []


def test_measuring_a_label_lays_out_its_chart_alone(empty):
    css = Path(live_plot.__file__).with_suffix(".css").read_text(encoding="utf-8")
    empty.add_style_tag(content=css)
    followed(empty)

    chart = empty.locator(".cnn-plot").first
    assert chart.evaluate("node => getComputedStyle(node).contain") in ("strict", "size layout paint style")
    assert chart.bounding_box()["height"] > 100
    assert chart.bounding_box()["width"] > 100


def followed(empty, **live):
    """Shows a run of one chart whose news change at every poll; returns what the feed answers, and how often it was asked."""
    polls = []

    def shown(epoch: int) -> str:
        figure = loss_curve("a1b2c3d4", (), (), 5) | {"data": [{"x": [0, epoch], "y": [1, 2]}]}
        rest = {"poll_every": 0.05, "redraw_every": 60.0, "feed": "news/a", "share": 0.5, "page_revision": 1, "table_revision": 1}
        news = Live(icon="play_circle", word="Training", sentence=f"epoch {epoch}", **(rest | live))
        return encoded(Chart(figure, "Loss"), live=news).data.decode()

    def answer(route):
        polls.append(1)
        route.fulfill(body=shown(len(polls)))

    empty.route("**/news/a", answer)
    empty.evaluate("html => { document.body.innerHTML = html; }", html())
    empty.evaluate(FOLLOW, [script(), shown(0)])
    empty.locator(".cnn-plot .main-svg").first.wait_for()
    return polls


def test_a_slow_browser_draws_its_charts_seldom_and_its_progress_at_every_poll(empty):
    empty.evaluate(SLOWER, 250)  # a twentieth of five seconds
    polls = followed(empty)
    drawn, polled = empty.evaluate("draws"), len(polls)

    empty.wait_for_timeout(2_500)

    assert empty.evaluate("draws") - drawn <= 1
    assert len(polls) - polled >= 8
    assert int(empty.locator(".cnn-sentence").inner_text().removeprefix("epoch ")) > polled


def test_a_quick_browser_draws_each_change_and_nothing_twice(empty):
    polls = followed(empty)
    empty.evaluate(SLOWER, 0)
    empty.wait_for_function("draws > 2")

    empty.evaluate("void (window.fetch = () => new Promise(() => {}))")  # no more news
    empty.wait_for_timeout(500)
    before = empty.evaluate("draws")
    empty.evaluate("for (let i = 0; i < 3; i++) void window.again()")
    empty.wait_for_timeout(300)
    assert empty.evaluate("draws") <= before + 1  # back to the first chart, once
    assert before <= len(polls) + 1


def test_a_tab_that_nobody_sees_draws_nothing_until_it_is_seen(empty):
    followed(empty)
    empty.evaluate(SLOWER, 0)
    empty.evaluate(SEEN, True)
    empty.wait_for_timeout(500)
    hidden = empty.evaluate("draws")
    empty.wait_for_timeout(800)
    assert empty.evaluate("draws") == hidden

    empty.evaluate(SEEN, False)
    empty.wait_for_function(f"draws > {hidden}")
    assert empty.errors == []
