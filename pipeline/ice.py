"""STUN and TURN servers for the video (ICE, RFC 8445): which are set, and what they give.

A candidate is an address at which a side may be reached: its own (`host`), that of its router as a
STUN server sees it (`srflx`), or one that a TURN server lends it (`relay`).
"""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import aioice

from pipeline.errors import UserError

Kind = Literal["host", "srflx", "relay"]
Side = Literal["browser", "server"]
Provider = Literal["cloudflare", "twilio"]
IceServer = dict[str, Any]
"""A server as browsers take it: `urls`, and for TURN `username` and `credential`."""

KINDS: tuple[Kind, ...] = get_args(Kind)
SIDES: tuple[Side, ...] = get_args(Side)
PROVIDER_KEYS: dict[Provider, tuple[str, str]] = {
    "cloudflare": ("CLOUDFLARE_TURN_KEY_ID", "CLOUDFLARE_TURN_KEY_API_TOKEN"),
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
}
_BOTH = "EMOTION_ICE_SERVERS"
_VARIABLES: dict[Side, str] = {
    "browser": "EMOTION_ICE_SERVERS_BROWSER",
    "server": "EMOTION_ICE_SERVERS_SERVER",
}
_SECRET = "EMOTION_TURN_SECRET"
_POLICY = "EMOTION_ICE_TRANSPORT_POLICY"
_URL = re.compile(
    r"(?P<scheme>stuns?|turns?):(?P<host>[^\s?:\[\]]+)(:(?P<port>\d{1,5}))?"
    r"(\?transport=(?P<transport>udp|tcp))?"
)
_EXAMPLE = '[{"urls": "stun:stun.example.org:3478"}]'
_CREDENTIAL_HOURS = 24


def setting(name: str, secrets: Mapping[str, Any]) -> Any:
    """Return a setting by the name of its variable; None if it is not set.

    Args:
        name: such as `EMOTION_ICE_SERVERS`, which is `ice_servers` in the secrets.
        secrets: of the dashboard.
    """
    short = name.removeprefix("EMOTION_").lower()
    return os.environ.get(name) or secrets.get(name) or secrets.get(short) or None


def ice_servers(side: Side, secrets: Mapping[str, Any]) -> list[IceServer] | None:
    """Return the servers that are set for one side; None if none are.

    A TURN server without `username` and `credential` gets some from `EMOTION_TURN_SECRET`.

    Args:
        side: `EMOTION_ICE_SERVERS_BROWSER` or `…_SERVER` counts before `EMOTION_ICE_SERVERS`.
        secrets: of the dashboard.

    Raises:
        UserError: they are no list of servers, an address is wrong, or a credential is missing.
    """
    for name in (_VARIABLES[side], _BOTH):
        if (value := setting(name, secrets)) is not None:
            secret = setting(_SECRET, secrets)
            return [_server(name, entry, secret) for entry in _entries(name, value)]
    return None


def provider(secrets: Mapping[str, Any]) -> tuple[Provider, str, str] | None:
    """Return the service whose two keys are set, and the keys; None if there is none.

    Raises:
        UserError: only one of the two keys is set.
    """
    for service, (first, second) in PROVIDER_KEYS.items():
        found = {name: setting(name, secrets) for name in (first, second)}
        if all(found.values()):
            return service, str(found[first]), str(found[second])
        if any(found.values()):
            missing = second if found[first] else first
            raise UserError(
                f"{missing} is not set, so {service.title()} gives no TURN server: set both "
                f"{first} and {second}, or neither."
            )
    return None


def transport_policy(secrets: Mapping[str, Any], servers: Sequence[IceServer]) -> str:
    """Return `relay` if browsers may use TURN only, else `all`.

    Args:
        secrets: of the dashboard.
        servers: of the browsers.

    Raises:
        UserError: it is another word, or there is no TURN server.
    """
    policy = str(setting(_POLICY, secrets) or "all")
    if policy not in ("all", "relay"):
        raise UserError(f"{_POLICY} is '{policy}': write all or relay.")
    if policy == "relay" and not has_turn(servers):
        raise UserError(
            f"{_POLICY} is relay, and browsers have no TURN server: set one in {_BOTH}."
        )
    return policy


def has_turn(servers: Sequence[IceServer]) -> bool:
    """Return whether there is a TURN server among some."""
    return any(map(_is_turn, servers))


def time_limited(secret: str, now_s: float) -> IceServer:
    """Return `username` and `credential` that a TURN server with the same secret accepts.

    They are valid for a day, and the same for an hour. coturn checks them with
    `use-auth-secret` and `static-auth-secret`
    (https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00).

    Args:
        secret: shared with the TURN server.
        now_s: the time in seconds since 1970.
    """
    end_s = (int(now_s) // 3600 + 1 + _CREDENTIAL_HOURS) * 3600
    username = f"{end_s}:emotion"
    digest = hmac.digest(secret.encode(), username.encode(), hashlib.sha1)
    return {"username": username, "credential": base64.b64encode(digest).decode()}


def server_candidates(servers: Sequence[IceServer]) -> set[Kind]:
    """Return the kinds of candidates that this machine finds, in at most about 5 s.

    Of several STUN or TURN servers it asks the first, as the video does.
    """
    return asyncio.run(_gather(servers))


async def _gather(servers: Sequence[IceServer]) -> set[Kind]:
    options: dict[str, Any] = {}
    for server in servers:
        for url in _urls(server):
            if (match := _URL.fullmatch(url)) is None:
                continue  # a service's, which browsers may understand
            turn, secure = url.startswith("turn"), match["scheme"].endswith("s")
            address = (match["host"], int(match["port"] or (5349 if secure else 3478)))
            if match["scheme"] == "stun":
                options.setdefault("stun_server", address)
            elif turn and "turn_server" not in options:
                transport = match["transport"] or ("tcp" if secure else "udp")
                if secure and transport == "udp":  # DTLS, which the video's library does not speak
                    continue
                options |= {"turn_server": address, "turn_ssl": secure}
                options |= {"turn_transport": transport, "turn_username": server["username"]}
                options |= {"turn_password": server["credential"]}
    connection = aioice.Connection(ice_controlling=False, **options)
    try:
        await connection.gather_candidates()
        found = {candidate.type for candidate in connection.local_candidates}
    except OSError:  # a name that is not known
        found = set()
    finally:
        await connection.close()
    return {kind for kind in KINDS if kind in found}


def problems(side: Side, servers: Sequence[IceServer], found: set[Kind]) -> list[str]:
    """Return what one side did not find although it should, each with its cure.

    Args:
        side: who looked.
        servers: that it asked.
        found: the kinds of its candidates.
    """
    who = "This browser" if side == "browser" else "The server"
    urls = [url for server in servers for url in _urls(server)]
    stun = next((url for url in urls if url.startswith("stun")), "")
    turn = next((url for url in urls if url.startswith("turn")), "")
    sentences = []
    if turn and "relay" not in found:
        sentences.append(
            f"{who} gets no address from {turn}: check that its host and port are right and open "
            "in each firewall (UDP and TCP 3478, and the relay's ports), that its secret or "
            "password is the same here and there, and that both clocks are right."
        )
    elif stun and not found & {"srflx", "relay"}:
        sentences.append(
            f"{who} learns no address from {stun}: either there is no router between them, which "
            "is well, or UDP is blocked; then set a TURN server with ?transport=tcp."
        )
    if not found and not turn:
        sentences.append(
            f"{who} finds no address at all: connect it to a network, or allow UDP in its firewall."
        )
    return sentences


def reach(browser: set[Kind], server: set[Kind], *, local: bool) -> str:
    """Return from where the video can be watched.

    Args:
        browser: the kinds of candidates that it finds.
        server: the same of the server.
        local: whether both are on this machine.
    """
    if not browser or not server:
        return "The video cannot work: one side has no address that the other could reach."
    works = "The video works on this machine, and" if local else "The video works"
    if "relay" in browser | server:
        return f"{works} from nearly every network, through the TURN server."
    cure = "set a TURN server in EMOTION_ICE_SERVERS, see docs/deploy.md."
    if "srflx" in browser & server:
        return f"{works} from most networks. For those that change ports per peer, {cure}"
    return f"{works} from the same network. For others, which are behind a router, {cure}"


def _entries(name: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError as error:
            raise UserError(f"{name} is not JSON: write {_EXAMPLE}.") from error
    if not isinstance(value, list | tuple):
        raise UserError(f"{name} is not a list of servers: write {_EXAMPLE}.")
    return list(value)


def _server(name: str, entry: Any, secret: Any) -> IceServer:
    """Return a checked server.

    Raises:
        UserError: what is wrong with it.
    """
    if not isinstance(entry, Mapping) or not _urls(entry):
        raise UserError(f"{name} has a server without urls: write {_EXAMPLE}.")
    for url in _urls(entry):
        match = _URL.fullmatch(url)
        if not match or (match["transport"] and url.startswith("stun")):
            raise UserError(
                f"{name} has '{url}', which is no address of a server: write "
                "stun:HOST:3478, turn:HOST:3478, turn:HOST:3478?transport=tcp or turns:HOST:5349."
            )
    server = dict(entry)
    if _is_turn(server) and not (server.get("username") and server.get("credential")):
        if not secret:
            raise UserError(
                f"{name} has no username and credential for {_urls(server)[0]}: add them, or "
                f"set {_SECRET} to the static-auth-secret of coturn."
            )
        server |= time_limited(str(secret), time.time())
    return server


def _is_turn(server: Mapping[str, Any]) -> bool:
    return any(url.startswith("turn") for url in _urls(server))


def _urls(server: Mapping[str, Any]) -> list[str]:
    urls = server.get("urls")
    urls = [urls] if isinstance(urls, str) else urls
    return [str(url) for url in urls] if isinstance(urls, list | tuple) else []
