"""The router: `streamlit run dashboard/Home.py`."""

import streamlit as st

st.set_page_config(page_title="Emotion Detector", page_icon=":material/mood:", layout="wide")
st.navigation(
    [
        st.Page("app_pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("app_pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
        st.Page("app_pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("app_pages/evaluate.py", title="Evaluate", icon=":material/query_stats:"),
        st.Page("app_pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("app_pages/live.py", title="Live", icon=":material/videocam:"),
    ]
).run()
