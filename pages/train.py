"""Train: a form for a new run, or with `?run=` in the address that run live; and below it the list of runs."""

import streamlit as st

from cnnlab.errors import RunNotFound, StoreError
from cnnlab.i18n import _, translated
from pages._parts.address import Address
from pages._parts.forms.training import training_form
from pages._parts.language import in_links
from pages._parts.learn.links import titled
from pages._parts.live.plot import load_ahead
from pages._parts.markdown import quoting
from pages._parts.run.actions import DELETED
from pages._parts.run.list import own_run_first, run_list
from pages._parts.run.strip import keep_number
from pages._parts.run.view import run_view
from pages._parts.shell import enter, in_words


def main() -> None:
    lab = enter()
    run_id = st.query_params.get("run")
    if deleted := st.session_state.pop(DELETED, None):
        st.toast(_("“{title}” was deleted.").format(title=deleted), icon=":material/delete:")
    if not run_id:
        titled(lab, _("Train a network"), "train")
        own_run_first(lab)
        training_form(lab)
        run_list(lab)
        load_ahead()
        return
    try:
        run = lab.run(run_id)
    except (RunNotFound, StoreError) as error:
        st.error(quoting(translated(error)), icon=":material/search_off:")
        st.page_link("pages/train.py", label=_("Set up a new run"), icon=":material/add:", query_params=in_links())
        run_list(lab)
    else:
        address = Address("run")
        address.preserve("run")
        keep_number(address)
        address.flush()
        address.show_problems(st.container())
        run_view(lab, run)
        run_list(lab, current=run_id)


with in_words():
    main()
