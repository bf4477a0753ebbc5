"""The STUN and TURN servers that each side of the video uses."""

from collections.abc import Callable, Iterable
from typing import Any

import streamlit as st
from streamlit_webrtc import get_cloudflare_ice_servers, get_twilio_ice_servers

from pipeline import ice
from pipeline.errors import UserError
from pipeline.ice import IceServer, Provider, Side

_FETCH: dict[Provider, Callable[[str, str], Iterable[Any]]] = {
    "cloudflare": get_cloudflare_ice_servers,
    "twilio": get_twilio_ice_servers,
}
_RETRY_S = 60


def rtc_configurations() -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the configuration of the browser's WebRTC, and that of the server's.

    Servers that are set by a list count before those of Cloudflare or Twilio, whose credentials
    are renewed every hour.

    Raises:
        UserError: a setting is wrong, or the service gives no credentials.
    """
    secrets = st.secrets.to_dict() if st.secrets.load_if_toml_exists() else {}
    browser, server = (_ice_servers(side, secrets) for side in ice.SIDES)
    policy = ice.transport_policy(secrets, browser)
    return {"iceServers": browser, "iceTransportPolicy": policy}, {"iceServers": server}


def _ice_servers(side: Side, secrets: dict[str, Any]) -> list[IceServer]:
    listed = ice.ice_servers(side, secrets)
    if listed is not None:
        return listed
    if (service := ice.provider(secrets)) is None:
        return []
    servers, failure = _fetched(*service)
    if failure:
        raise UserError(failure)
    return servers


@st.cache_data(ttl=_RETRY_S, max_entries=8, show_spinner=False)
def _fetched(service: Provider, name: str, token: str) -> tuple[list[IceServer], str]:
    """Return a service's servers, or why there are none: each page would ask again for 10 s.

    streamlit-webrtc itself caches the credentials, for half of their life.
    """
    first, second = ice.PROVIDER_KEYS[service]
    try:
        return [dict(server) for server in _FETCH[service](name, token)], ""
    except ImportError:
        return [], 'Twilio needs its library: pip install -e ".[twilio]".'
    except Exception as error:  # of urllib, json or Twilio's own kind
        return [], (
            f"{service.title()} gave no TURN server ({error}): check {first} and {second}, and "
            "that this machine reaches the internet."
        )
