"""The router: `streamlit run dashboard/Home.py`."""

from pathlib import Path

import streamlit as st

from dashboard import resources
from dashboard.access import (
    is_admitted,
    read_only_reason,
    read_only_server,
    require_sign_in,
)
from dashboard.public import is_public
from dashboard.views.train.sidebar import show_training
from dashboard.widgets.address import note_ignored
from dashboard.widgets.dialog import forget_dialog
from dashboard.widgets.focus import keep_focus
from dashboard.widgets.messages import show_error
from pipeline.storage import explain_disk

# A named icon would be fetched from the network.
ICON = Path(__file__).with_name("icon.svg")
STYLE = Path(__file__).with_name("page.css")
ABOUT = "**Emotion Detector**: explore faces, train models on them, and run them live."
# With an entry of its own the menu is shown, which has the choice of a light or dark theme.
st.set_page_config(page_icon=ICON, layout="wide", menu_items={"About": ABOUT})
page = st.navigation(
    [
        st.Page("app_pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("app_pages/dataset.py", title="Dataset", icon=":material/photo_library:"),
        st.Page("app_pages/train.py", title="Train", icon=":material/model_training:"),
        st.Page("app_pages/evaluate.py", title="Evaluate", icon=":material/query_stats:"),
        st.Page("app_pages/compare.py", title="Compare", icon=":material/compare_arrows:"),
        live := st.Page("app_pages/live.py", title="Live", icon=":material/videocam:"),
    ],
    position="sidebar" if is_admitted() else "hidden",
)
st.set_page_config(page_title=f"{page.title} · Emotion Detector")
st.html(STYLE)
keep_focus()
forget_dialog()
if page is not live:
    st.session_state.pop("live.photo", None)  # discarded when its page is left, as it promises
    st.session_state.pop("webcam", None)  # it must not start by itself when the user is back
if is_public():
    st.set_option("client.showErrorDetails", "none")
resources.session_cleanup()
resources.print_once(read_only_server())
require_sign_in()
show_training(page.title)
if reason := read_only_reason():
    st.caption(f":material/lock: {reason}")
try:
    with note_ignored(page.url_path):
        page.run()
except OSError as error:
    failure = explain_disk(error)
    if failure is None:
        raise
    show_error(failure)
