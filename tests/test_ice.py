"""STUN and TURN servers: what may be set, and the sentence where it is wrong."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from pipeline import ice
from pipeline.errors import UserError

STUN = {"urls": "stun:stun.example.org:3478"}
TURN = {"urls": ["turn:turn.example.org"], "username": "me", "credential": "secret"}
OPEN_TURN = {"urls": "turn:turn.example.org:3478?transport=tcp"}


def test_each_side_has_servers_of_its_own_or_those_of_both(monkeypatch):
    assert ice.ice_servers("browser", {}) is None
    secrets = {"ice_servers": [STUN], "ice_servers_server": []}
    assert ice.ice_servers("browser", secrets) == [STUN]
    assert ice.ice_servers("server", secrets) == [STUN], "an empty list is none"
    monkeypatch.setenv("EMOTION_ICE_SERVERS_SERVER", json.dumps([TURN]))
    assert ice.ice_servers("server", secrets) == [TURN]
    assert ice.ice_servers("browser", secrets) == [STUN]


def test_a_wrong_setting_is_one_sentence_that_names_it():
    for value, said in (
        ("stun:example.org", "EMOTION_ICE_SERVERS is not JSON"),
        ({"urls": "stun:example.org"}, "is not a list"),
        (["stun:example.org"], "without urls"),
        ([{"urls": []}], "without urls"),
        ([{"urls": "example.org:3478"}], "'example.org:3478'"),
        ([{"urls": ["stun:ok.org", "turn:a b"]}], "'turn:a b'"),
        ([{"urls": "stun:a.org?transport=udp"}], "'stun:a.org?transport=udp'"),
        ([OPEN_TURN], "EMOTION_TURN_SECRET"),
        ([{**OPEN_TURN, "username": "me"}], "username and credential"),
    ):
        with pytest.raises(UserError, match=".") as error:
            ice.ice_servers("server", {"EMOTION_ICE_SERVERS": value})
        assert said in str(error.value), value
    for policy, servers in (("relays", [TURN]), ("relay", [STUN])):
        with pytest.raises(UserError, match="EMOTION_ICE_TRANSPORT_POLICY"):
            ice.transport_policy({"ice_transport_policy": policy}, servers)
    with pytest.raises(UserError, match="TWILIO_AUTH_TOKEN is not set"):
        ice.provider({"twilio_account_sid": "AC1"})


def test_a_turn_server_with_a_shared_secret_gets_credentials_of_a_day():
    secrets = {"ice_servers": [OPEN_TURN], "turn_secret": "shared"}
    (server,) = ice.ice_servers("browser", secrets)
    end_s, _, name = server["username"].partition(":")
    assert name and 24 <= (int(end_s) - time.time()) / 3600 <= 25
    digest = hmac.digest(b"shared", server["username"].encode(), hashlib.sha1)
    assert base64.b64decode(server["credential"]) == digest
    hour = 1_800_000_000
    assert ice.time_limited("s", hour) == ice.time_limited("s", hour + 3599)
    assert ice.time_limited("s", hour) != ice.time_limited("s", hour + 3600)


def test_what_a_side_did_not_find_is_said_with_a_cure():
    for servers, found, said in (
        ([TURN], {"host", "srflx"}, "turn:turn.example.org"),
        ([STUN], {"host"}, "UDP is blocked"),
        ([], set(), "no address at all"),
    ):
        (sentence,) = ice.problems("server", servers, found)
        assert said in sentence
    assert not ice.problems("browser", [STUN, TURN], {"host", "relay"})
    assert not ice.problems("browser", [], {"host"})
    for browser, server, said in (
        ({"relay"}, {"host"}, "nearly every network"),
        ({"host", "srflx"}, {"host", "srflx"}, "most networks"),
        ({"host", "srflx"}, {"host"}, "same network"),
        (set(), {"host"}, "cannot work"),
    ):
        assert said in ice.reach(browser, server, local=False)


def test_where_the_video_works_is_said_first_on_this_machine_that_it_works_there():
    for browser in ({"host"}, {"host", "srflx"}, {"host", "relay"}):
        sentences = [ice.reach(browser, browser, local=local) for local in (True, False)]
        assert sentences[0].startswith("The video works on this machine, and from ")
        assert sentences[1].startswith("The video works from "), browser
    assert "cannot work" in ice.reach({"host"}, set(), local=True)
