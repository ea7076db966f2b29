"""CNN Lab in the browser: the server, and the list of pages."""

import streamlit as st

if __name__ == "__main__":  # Streamlit runs this file for each tab
    from cnnlab.i18n import _
    from pages._parts.address import link_to
    from pages._parts.language import follow_browser
    from pages._parts.shell import page_settings, wake
    from pages._parts.visitor import is_teacher

    follow_browser()
    page_settings()
    PAGES = {
        st.Page("pages/design.py", title=_("Design"), default=True): ":material/account_tree:",
        st.Page("pages/learn.py", title=_("Learn")): ":material/school:",
        st.Page("pages/data.py", title=_("Data")): ":material/photo_library:",
        st.Page("pages/train.py", title=_("Train")): ":material/show_chart:",
        st.Page("pages/runs.py", title=_("Runs")): ":material/compare_arrows:",
        st.Page("pages/predict.py", title=_("Predict")): ":material/fact_check:",
        st.Page("pages/inside.py", title=_("Inside")): ":material/frame_inspect:",
        st.Page("pages/class.py", title=_("My class")): ":material/groups:",
    }

    # Drawn here and not by st.navigation: browsers would fetch the icon of an st.Page from the internet for their tab.
    page = st.navigation(list(PAGES), position="hidden")
    st.sidebar.subheader("CNN Lab", anchor=False)
    listed = {entry: icon for entry, icon in PAGES.items() if entry.url_path != "class" or is_teacher()}
    own_link, before = None, link_to(page.url_path or "design")
    for entry, icon in listed.items():
        place = st.sidebar
        if entry == page:
            place = own_link = st.sidebar.empty()
        place.page_link(entry, icon=icon, query_params=link_to(entry.url_path or "design"))
    wake()
    try:
        page.run()
    finally:
        # So that a click on the open page's own link changes nothing.
        if own_link and link_to(page.url_path or "design") != before:
            own_link.page_link(page, icon=PAGES[page], query_params=link_to(page.url_path or "design"))
else:  # and imports it once before, for the server
    import logging

    from starlette.middleware import Middleware
    from streamlit.runtime import pages_manager

    from cnnlab.system.processes import allow_many_files, keep_files_private
    from pages._parts.first_tab import open_first_tab
    from pages._parts.gate.start import gate
    from pages._parts.live.feed import FeedMiddleware
    from pages._parts.refreshing import RefreshMiddleware

    keep_files_private()
    if too_few := allow_many_files():
        logging.getLogger("cnnlab").warning(too_few)
    # Until its first st.navigation, Streamlit (1.67) runs files in a folder called pages/ without app.py. If a class opens thirty
    # tabs at once after a start, one of them could go on so, without the pages that its links lead to.
    if manager := getattr(pages_manager, "PagesManager", None):
        manager.uses_pages_directory = False
    # Without any secret Streamlit would look for its files, behind a lock, each time that a page reads who is here.
    layers = [gate(), Middleware(FeedMiddleware), Middleware(RefreshMiddleware)]
    app = st.App(__file__, secrets={"cnnlab": {}}, middleware=layers, lifespan=open_first_tab)
