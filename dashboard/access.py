"""Who may do what: sign-in, viewers and editors, and servers that others can reach.

Without sign-in, whoever opens a page of this machine alone may do everything, and a server that
others can reach changes nothing. With a section `[auth]` in the secrets everybody signs in, and the
lists in `[access]` say who may see the pages and who may change something.
"""

import os
import time
from collections.abc import Callable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, Literal, ParamSpec, TypeVar

import streamlit as st
from streamlit.errors import StreamlitAuthError, StreamlitMissingAuthlibError

from dashboard.public import is_public
from dashboard.widgets.markdown import escape_markdown
from pipeline.errors import UserError
from pipeline.network import is_this_machine, others_reach
from pipeline.workspace import workspace

Role = Literal["editor", "viewer"]
_DOCS = "docs/deploy.md"
_LAST_ACTION = "access.last_action"
_SAME_CLICK_S = 1.0

_P = ParamSpec("_P")
_R = TypeVar("_R")


def is_admitted() -> bool:
    """Return whether this session may see the pages."""
    return not _asks_for_sign_in() or (_is_signed_in() and _role() is not None)


def require_sign_in() -> None:
    """Show sign-in, or why somebody may see nothing, in place of the page; else who is signed in.

    Shows nothing on a server without sign-in.
    """
    if not _asks_for_sign_in():
        return
    if not _is_signed_in():
        _show_sign_in()
        st.stop()
    email, role = _email(), _role()
    if role is None:
        st.title("Emotion Detector")
        who = email or "An account without a verified address"
        st.text(f"{who} is on no list of this server: ask whoever runs it for access.")
        st.button("Sign out", on_click=st.logout)
        st.stop()
    with st.sidebar.container(horizontal=True, vertical_alignment="center"):
        st.text(f"{email}, {role}", width="stretch")
        st.button("Sign out", on_click=st.logout, type="tertiary")


def _show_sign_in() -> None:
    st.title("Emotion Detector")
    try:
        auth = _section(st.secrets["auth"])
        names = [name for name, each in auth.items() if "client_id" in _section(each)]
        if "client_id" in auth or not names:
            names.insert(0, "")
        st.markdown("Sign in to see this server's pages.")
        for name in names:
            label = f"Sign in with {name}" if name else "Sign in"
            if st.button(escape_markdown(label), type="primary", icon=":material/login:"):
                st.login(name or None)
    except (OSError, ValueError, TypeError, StreamlitAuthError, StreamlitMissingAuthlibError):
        st.error("Nobody can sign in yet: `python -m pipeline doctor` says what is missing.")


def read_only_reason() -> str:
    """Return why this session may change nothing, as a sentence; empty if it may."""
    if _asks_for_sign_in():
        if _is_signed_in() and _role() == "editor":
            return ""
        return "Only editors may change something here, and you are signed in as a viewer."
    return read_only_server()


def read_only_server() -> str:
    """Return why this server is read-only for everybody, as a sentence; empty if it is not."""
    if _asks_for_sign_in():
        return ""
    if is_public():
        return f"This server is public, and read-only without sign-in: see {_DOCS}."
    if _others_reach_it():
        return f"Others can reach this server, so it is read-only without sign-in: see {_DOCS}."
    return ""


def may_edit() -> bool:
    """Return whether this session may import, train, evaluate, delete and change lists."""
    return not read_only_reason()


def for_editors(action: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let an action refuse those who may not edit, by a `UserError` that says why.

    That a button is disabled is no protection: the browser can send a click on it. It also sends a
    click twice if a fragment refreshes itself in the same moment, so the same action with the same
    arguments right after is the same one, and has the same result.
    """

    @wraps(action)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        if reason := read_only_reason():
            raise UserError(reason)
        call = (action, args, kwargs)
        last: tuple[object, float, _R] | None = st.session_state.get(_LAST_ACTION)
        if last and last[0] == call and time.monotonic() - last[1] < _SAME_CLICK_S:
            return last[2]
        result = action(*args, **kwargs)
        st.session_state[_LAST_ACTION] = call, time.monotonic(), result
        return result

    return checked


def editors_only(**options: Any) -> dict[str, Any]:
    """Return a widget's options, so changed that others than editors see it disabled, and why."""
    reason = read_only_reason()
    return {**options, "disabled": True, "help": reason} if reason else options


def import_root() -> Path:
    """Return the folder below which files may be named by a path: `$EMOTION_IMPORT_ROOT`.

    Where it is not set: the home folder of whoever opens the pages of this machine alone, else the
    workspace.
    """
    shared = _asks_for_sign_in() or is_public() or _others_reach_it()
    default = workspace() if shared else Path.home()
    return Path(os.environ.get("EMOTION_IMPORT_ROOT") or default).expanduser().resolve()


def allowed_path(text: str) -> Path:
    """Return a path below the import root, to which relative paths are relative.

    Raises:
        UserError: it is outside that folder.
    """
    root = import_root()
    try:
        path = (root / Path(text.strip()).expanduser()).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, an unknown user
        raise UserError(f"{text!r} is not a path: name a file below {root}.") from error
    if not text.strip() or not path.is_relative_to(root):
        raise UserError(
            f"'{text}' is not below {root}: name a file there, or let EMOTION_IMPORT_ROOT name the "
            "folder that the dashboard may read when it starts."
        )
    return path


def _asks_for_sign_in() -> bool:
    """Return whether the secrets have a section `[auth]`, or are there and cannot be read."""
    try:
        return "auth" in st.secrets
    except FileNotFoundError:  # also of Streamlit, for a damaged file
        return any(os.path.lexists(path) for path in st.get_option("secrets.files"))
    except (OSError, ValueError):
        return True


def _is_signed_in() -> bool:
    try:
        return bool(st.user.get("is_logged_in"))
    except (OSError, ValueError):  # the secrets cannot be read
        return False


def _section(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _role() -> Role | None:
    """Return the role of whoever is signed in; None for somebody on no list."""
    lists, email = _section(st.secrets.get("access")), _email()
    roles: tuple[Role, ...] = ("editor", "viewer")
    return next((role for role in roles if email and _is_listed(email, lists, f"{role}s")), None)


def _is_listed(email: str, lists: Mapping[str, Any], name: str) -> bool:
    """Return whether a list holds an address, or its domain as `@lab.org`."""
    entries = lists.get(name, ())
    entries = entries if isinstance(entries, list | tuple) else [entries]
    domain = "@" + email.rpartition("@")[2]
    return any(str(entry).strip().lower() in (email, domain) for entry in entries)


def _email() -> str:
    """Return the address in lower case if the provider has verified it; else an empty text.

    Only ASCII counts: a letter that looks like another one may become it in lower case.
    """
    email = str(st.user.get("email") or "").strip()
    verified = st.user.get("email_verified") in (True, "true")
    return email.lower() if verified and email.isascii() and "@" in email else ""


def _others_reach_it() -> bool:
    """Return whether others reach the server, also by a proxy, which says for whom it asks."""
    headers = (st.context.headers.get_all(name) for name in ("X-Forwarded-For", "X-Real-IP"))
    asking = [each.strip() for values in headers for value in values for each in value.split(",")]
    names = st.get_option("server.allowedHosts")
    return others_reach(st.get_option("server.address"), names) or not all(
        map(is_this_machine, asking)
    )
