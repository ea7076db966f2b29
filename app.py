"""CNN Lab in the browser: the server, and for each tab which pages there are, in which order."""

import streamlit as st

if __name__ == "__main__":  # Streamlit runs this file for each tab
    from pages._parts.shell import page_settings, wake

    page_settings()
    PAGES = {
        st.Page("pages/design.py", title="Design", default=True): ":material/account_tree:",
        st.Page("pages/data.py", title="Data"): ":material/photo_library:",
        st.Page("pages/train.py", title="Train"): ":material/show_chart:",
        st.Page("pages/runs.py", title="Runs"): ":material/compare_arrows:",
        st.Page("pages/predict.py", title="Predict"): ":material/fact_check:",
    }

    # The list is drawn here and not by st.navigation: the browser would fetch the icon of an st.Page from the internet for its tab.
    page = st.navigation(list(PAGES), position="hidden")
    st.sidebar.subheader("CNN Lab", anchor=False)
    for each, icon in PAGES.items():
        st.sidebar.page_link(each, icon=icon)
    wake()
    page.run()
else:  # and imports it once before, for the server
    from starlette.middleware import Middleware

    from pages._parts.first_tab import opening
    from pages._parts.live.feed import Answering

    app = st.App(__file__, middleware=[Middleware(Answering)], lifespan=opening)
