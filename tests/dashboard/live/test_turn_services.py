"""TURN credentials of Cloudflare and Twilio, which a server of the test gives in their place."""

import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler

import pytest
import streamlit as st

from dashboard import resources
from pipeline.errors import UserError
from tests.certificates import certificate

HOSTS = ("rtc.live.cloudflare.com", "api.twilio.com")
SERVERS = [
    {"urls": ["stun:stun.example.org:3478"]},
    {"urls": ["turn:turn.example.org:3478"], "username": "timed", "credential": "secret"},
]


class Services(BaseHTTPRequestHandler):
    """A proxy for https that answers by itself as the services do."""

    asked: list[str] = []

    def do_CONNECT(self) -> None:
        self.send_response(200)
        self.end_headers()
        with self.server.tls.wrap_socket(self.connection, server_side=True) as connection:
            self.rfile = connection.makefile("rb")
            self.wfile = socketserver._SocketWriter(connection)
            self.handle_one_request()
            self.rfile.close()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.asked.append(f"{self.headers['Host']}{self.path}")
        right = "token" in self.headers["Authorization"] or "Basic" in self.headers["Authorization"]
        key = "iceServers" if "cloudflare" in self.headers["Host"] else "ice_servers"
        body = json.dumps({key: SERVERS}).encode()
        self.send_response(201 if right else 401)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def services(tmp_path, monkeypatch) -> Iterator[list[str]]:
    """What was asked of the services, whose addresses lead to this machine."""
    cert, key = certificate(tmp_path, *HOSTS)
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Services)
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.tls.load_cert_chain(cert, key)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{server.server_address[1]}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(cert))
    Services.asked = []
    yield Services.asked
    server.shutdown()
    server.server_close()
    thread.join()


def test_credentials_are_fetched_once_an_hour_while_the_keys_are_set(services, monkeypatch):
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_ID", "key")
    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_API_TOKEN", "token")
    for _ in range(2):
        browser, server = resources.rtc_configurations()
        assert browser == {"iceServers": SERVERS, "iceTransportPolicy": "all"}
        assert server == {"iceServers": SERVERS}
    assert services == [f"{HOSTS[0]}/v1/turn/keys/key/credentials/generate-ice-servers"]
    st.cache_data.clear()  # as after an hour
    resources.rtc_configurations()
    assert len(services) == 2

    monkeypatch.setenv("CLOUDFLARE_TURN_KEY_API_TOKEN", "wrong")
    with pytest.raises(UserError, match="Cloudflare gave no TURN server .* CLOUDFLARE_TURN_KEY_ID"):
        resources.rtc_configurations()
    asked = len(services)
    with pytest.raises(UserError):
        resources.rtc_configurations()
    assert len(services) == asked, "a failure is not asked for again at once"

    monkeypatch.setenv("EMOTION_ICE_SERVERS_SERVER", '[{"urls": "stun:own.example.org"}]')
    monkeypatch.delenv("CLOUDFLARE_TURN_KEY_ID")
    monkeypatch.delenv("CLOUDFLARE_TURN_KEY_API_TOKEN")
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "ACkey")
    monkeypatch.setenv("TWILIO_AUTH_TOKEN", "token")
    browser, server = resources.rtc_configurations()
    assert browser["iceServers"] == SERVERS
    assert server["iceServers"] == [{"urls": "stun:own.example.org"}]
    assert services[-1] == f"{HOSTS[1]}/2010-04-01/Accounts/ACkey/Tokens.json"
