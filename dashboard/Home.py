"""The router: `streamlit run dashboard/Home.py`."""

from pathlib import Path

import streamlit as st

from dashboard.components.train.sidebar import show_training

# A named icon would be fetched from the network.
ICON = Path(__file__).with_name("icon.svg")
st.set_page_config(page_title="Emotion Detector", page_icon=ICON, layout="wide")
page = st.navigation(
    [
        st.Page("app_pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("app_pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
        st.Page("app_pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("app_pages/evaluate.py", title="Evaluate", icon=":material/query_stats:"),
        st.Page("app_pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
        st.Page("app_pages/live.py", title="Live", icon=":material/videocam:"),
    ]
)
show_training()
page.run()
