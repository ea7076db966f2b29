"""CNN Lab in the browser: which pages there are, in which order."""

import streamlit as st

st.navigation(
    [
        st.Page("pages/design.py", title="Design", icon=":material/account_tree:", default=True),
        st.Page("pages/data.py", title="Data", icon=":material/photo_library:"),
        st.Page("pages/train.py", title="Train", icon=":material/show_chart:"),
        st.Page("pages/predict.py", title="Predict", icon=":material/fact_check:"),
    ]
).run()
