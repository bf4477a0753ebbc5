"""Check which ICE candidates the browser and the server find, and say how to get more."""

from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st

from dashboard import resources
from dashboard.widgets.markdown import escape_markdown
from dashboard.widgets.messages import show_error, show_warning
from pipeline import ice
from pipeline.errors import UserError
from pipeline.network import is_this_machine

_HERE = Path(__file__).parent
_GATHERER = st.components.v2.component(
    "ice_candidates", html="<div></div>", js=(_HERE / "reachability.js").read_text()
)
_CHECK, _SERVER = "live.check", "live.check.server"


@st.fragment
def show_reachability() -> None:
    """Let the viewer check whether the video can go between this browser and the server."""
    state = st.session_state
    if st.button(
        "Is it reachable?",
        icon=":material/network_check:",
        help="Finds out by which addresses this browser and the server can be reached, in a few "
        "seconds. Nothing is recorded.",
    ):
        state[_CHECK] = state.get(_CHECK, 0) + 1
        state.pop(_SERVER, None)
    if _CHECK not in state:
        return
    try:
        browser, server = resources.rtc_configurations()
    except UserError as error:
        show_error(error)
        return
    found = _GATHERER(
        key="live_candidates",
        data={"check": state[_CHECK], "configuration": browser},
        on_found_change=lambda: None,
    ).found
    if _SERVER not in state:
        with st.spinner("The server asks its STUN and TURN servers…"):
            state[_SERVER] = ice.server_candidates(server["iceServers"])
    if not found or found["check"] != state[_CHECK]:
        st.caption("This browser asks its STUN and TURN servers…")
        return
    sides = set(found["kinds"]), state[_SERVER]
    _show(*sides)
    local = is_this_machine(urlsplit(st.context.url or "").hostname)
    st.markdown(escape_markdown(ice.reach(*sides, local=local)))
    if found["problem"]:
        show_error(f"The browser refuses the configuration: {found['problem']}")
        return
    for side, asked, kinds in zip(ice.SIDES, (browser, server), sides, strict=True):
        for sentence in ice.problems(side, asked["iceServers"], kinds):
            show_warning(sentence)


def _show(browser: set[ice.Kind], server: set[ice.Kind]) -> None:
    """Show a table of the kinds that each side has found."""
    st.markdown(
        f"""
| Candidate | This browser | Server |
|---|---|---|
| `host`, its own address | {_mark("host", browser)} | {_mark("host", server)} |
| `srflx`, its router's address, by STUN | {_mark("srflx", browser)} | {_mark("srflx", server)} |
| `relay`, an address of a TURN server | {_mark("relay", browser)} | {_mark("relay", server)} |
"""
    )


def _mark(kind: ice.Kind, found: set[ice.Kind]) -> str:
    return escape_markdown("found" if kind in found else "—")
