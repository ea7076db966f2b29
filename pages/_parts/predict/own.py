"""Your own picture: drawn, uploaded or photographed; how it was prepared, and what networks take it for."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from cnnlab.datasets import Entry
from cnnlab.datasets.pictures import png_data_uri
from cnnlab.errors import CNNLabError, ConfigError
from cnnlab.i18n import _, say, together, translated
from cnnlab.lab import Lab
from cnnlab.own_picture.preparing import Prepared, prepare, step_names, style_of, thumbnail
from cnnlab.own_picture.reading import OwnPicture
from cnnlab.runs.records import Run
from cnnlab.text import shortened
from cnnlab.values import OwnAnswer
from pages._parts.address import Address, one_of
from pages._parts.image_grid import GridItem, image_grid
from pages._parts.language import in_links
from pages._parts.markdown import escaped, quoting
from pages._parts.one_choice import one_choice
from pages._parts.predict import own_answer
from pages._parts.predict.choice import OF_OWN
from pages._parts.predict.own_sources import DRAWING, PHOTO, SHOWN, STAYS, pick_pictures
from pages._parts.probabilities import bars_html
from pages._parts.run_words import cut_title, last_accuracy, short_title

ALONE = ""
STEP_PX = 98  # seven of them fit beside the sheet on a laptop
GIVEN_PX = 208
STYLE = Path(__file__).with_suffix(".css")


def own_view(lab: Lab, run: Run, checkpoint: str, *, entry: Entry, every: tuple[Run, ...], address: Address) -> None:
    """Draws the whole view."""
    st.html(STYLE)
    with st.container(key="own-split"):
        left, right = st.columns([4, 10], gap="small")
    with left, st.container(key="own-picture"):
        pictures, problems = pick_pictures(style_of(entry), address)
    steps = step_names(style_of(entry))
    address.preserve(*(name for name in OF_OWN if name not in ("source", "with", *steps)))  # of other data sets
    without = left_out(steps, address)
    with right, st.container(key="own-answer"):
        for problem in problems:
            st.error(quoting(translated(problem)), icon=":material/error:")
        if not pictures:
            _begin(entry, refused=bool(problems))
            address.preserve("with", *steps)
            return
        explained, below = st.container(), st.container()
        with below:
            other = _other(run, every, address)
            st.caption(translated(STAYS))
        with explained:
            prepared = [prepare(picture.image, entry, without) for picture in pictures]
            runs = [(run, checkpoint), *([(other, "best")] if other else [])]
            try:
                with st.spinner(_("Asking the network. The first time can take half a minute …"), show_time=True):
                    answers = [[_ask(lab, *each, one) for each in runs] for one in prepared]
            except CNNLabError as error:
                st.error(quoting(translated(error)), icon=":material/error:")
                address.preserve(*steps)
                return
            chosen = _which(pictures, [row[0] for row in answers])
            _answers(answers[chosen], [each for each, _ in runs], prepared[chosen])
            st.session_state[SHOWN] = pictures[chosen]
            _look_inside(run, checkpoint, without)
            draw_steps(pictures[chosen], prepared[chosen], address)
            _details(answers[chosen], [each for each, _ in runs])


def _ask(lab: Lab, run: Run, checkpoint: str, prepared: Prepared) -> OwnAnswer:
    pixels = prepared.pixels
    return lab.own_pictures.answer(run.id, pixels.tobytes(), pixels.shape, checkpoint=checkpoint)


def _other(run: Run, every: tuple[Run, ...], address: Address) -> Run | None:
    """Draws the list of runs that can look at the same picture."""
    others = {
        each.id: each for each in every if each.epochs_done and each.id != run.id and each.config.dataset == run.config.dataset
    }
    if not others:
        address.preserve("with")
        return None
    titles = {ALONE: _("no other run")} | {name: f"{cut_title(each)} · {last_accuracy(each)}" for name, each in others.items()}

    def parse(text: str) -> str:
        if text not in titles:
            message = say("There is no other run {run} that was trained on the same data set.", run=shortened(text))
            raise ConfigError(message, "with")
        return text

    chosen = one_choice(
        _("Compare with"), "predict:with", "with", titles, address, as_list=True, parse=parse,
        help=_("Shows the same picture to a second network that was trained on the same data set."),
    )  # fmt: skip
    return others.get(chosen)


def picture_name(picture: OwnPicture) -> str:
    """What a picture is called: its file's name, or where it comes from."""
    return translated(picture.name) if picture.name in (DRAWING, PHOTO) else picture.name


def left_out(steps: tuple[str, ...], address: Address) -> set[str]:
    """The steps that are switched off; their switches are drawn later, below their pictures."""
    for name in steps:
        address.initialise(_key(name), name, True, one_of(name, (True, False)))
    return {name for name in steps if not st.session_state[_key(name)]}


def _look_inside(run: Run, checkpoint: str, without: set[str]) -> None:
    """The link that carries the picture over; it stays in the session, and the address has the steps alone."""
    weights = {} if checkpoint == "best" and not run.active else {"epoch": checkpoint}
    st.page_link(
        "pages/inside.py", label=_("Look inside with this picture"), icon=":material/frame_inspect:",
        query_params={"run": run.id, "picture": "own"} | weights | dict.fromkeys(sorted(without), "false") | in_links(),
        help=_("What this network does with your picture, layer by layer, and what speaks for its answer."),
    )  # fmt: skip


def _key(step: str) -> str:
    return f"predict:step {step}"


def _begin(entry: Entry, *, refused: bool) -> None:
    """Nothing to look at yet."""
    names = [escaped(translated(name)) for name in entry.classes]
    if not refused:
        st.info(
            _(
                "Give the network a picture. It knows {count} classes and answers with one of them, whatever it sees: {names} or "
                "{last}."
            ).format(count=len(names), names=_(", ").join(names[:-1]), last=names[-1]),
            icon=":material/draw:",
        )


def _which(pictures: list[OwnPicture], answers: list[OwnAnswer]) -> int:
    """Several pictures with their answers, and which one is explained."""
    if len(pictures) == 1:
        return 0
    image_grid(
        [
            GridItem(
                answer.data_uri, f"{picture_name(picture)}{_(': ')}{own_answer.headline(answer)}", own_answer.headline(answer),
                picture_name(picture),
            )
            for picture, answer in zip(pictures, answers, strict=True)
        ],
        88,
    )  # fmt: skip
    titles = own_answer.names([picture_name(picture) for picture in pictures])
    if st.session_state.get("predict:own which") not in titles:
        st.session_state["predict:own which"] = 0
    return st.selectbox(
        _("Explain"), list(titles), key="predict:own which", format_func=titles.__getitem__,
        help=_("Which of your pictures is explained below."),
    )  # fmt: skip


def _answers(answers: list[OwnAnswer], runs: list[Run], prepared: Prepared) -> None:
    """What each network takes the picture for, first of all."""
    if prepared.warning:
        st.warning(translated(prepared.warning), icon=":material/visibility_off:")
    for place, answer, run in zip(st.columns(len(answers)), answers, runs, strict=True):
        with place:
            if len(answers) > 1:
                st.caption(short_title(run))
            st.markdown(
                f"## {escaped(own_answer.headline(answer))}",
                help=_(
                    "The most probable of its classes. A network cannot say “none of them”: it gives each class a probability, and "
                    "they add up to 100 %, also for a picture of something that it has never seen."
                ),
            )
            st.markdown(escaped(own_answer.second(answer)))


def draw_steps(picture: OwnPicture, prepared: Prepared, address: Address) -> None:
    """The picture after each step, with its switch."""
    st.markdown(_("**How it was prepared.** Switch a step off to see what it is for."))
    with st.container(horizontal=True, key="own-steps", gap="xsmall"):
        with st.container(width=STEP_PX, gap="xsmall"):
            alt = _("{picture}, as it was given").format(picture=picture_name(picture))
            st.html(own_answer.step_html(png_data_uri(thumbnail(prepared.given, 2 * STEP_PX)), alt))
            st.markdown(_("Given"))
            st.caption(quoting(together(*map(translated, picture.notes))) or _("As it was read."))
        for number, step in enumerate(prepared.steps, start=1):
            with st.container(width=STEP_PX, gap="xsmall"):
                st.html(
                    own_answer.step_html(
                        png_data_uri(thumbnail(step.image, 2 * STEP_PX)),
                        _("After step {number}, {step}: {did}").format(
                            number=number, step=translated(step.title), did=translated(step.did)
                        ),
                        taken=step.taken,
                    )
                )
                on = st.toggle(translated(step.title), key=_key(step.name), help=translated(step.why))
                st.caption(translated(step.did))
                address.write(step.name, on, True)


def _details(answers: list[OwnAnswer], runs: list[Run]) -> None:
    """The probabilities of all classes, and the network's input."""
    for place, answer, run in zip(st.columns(len(answers)), answers, runs, strict=True):
        with place:
            title = _("**Probability of each class** (weights of epoch {epoch})")
            if len(answers) > 1:
                title = _("**Probability of each class, {run}** (weights of epoch {epoch})")
            st.markdown(title.format(run=short_title(run), epoch=answer.epoch))
            with st.container(horizontal=True):
                with st.container(width=GIVEN_PX if len(answers) == 1 else GIVEN_PX // 2):
                    st.html(own_answer.given_html(answer))
                with st.container(width="stretch", key=f"own-bars-{run.id}"):
                    st.html(bars_html(answer.classes, answer.probabilities))
