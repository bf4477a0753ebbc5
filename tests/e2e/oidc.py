"""A small OpenID Connect provider: authorization code flow, RS256, and a page to choose who one is.

https://openid.net/specs/openid-connect-core-1_0.html
"""

import base64
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "emotions", "a secret of the client"


@contextmanager
def provider(people: Mapping[str, bool]) -> Iterator[str]:
    """Serve a provider and yield its address.

    Args:
        people: address → whether the provider has verified it.
    """
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.people = people  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig", "alg": "RS256"})
    codes: dict[str, dict[str, str]] = {}  # code → the request that it answers, used once

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        issuer = f"http://{self.headers['Host']}"
        if url.path == "/.well-known/openid-configuration":
            self._json(
                {
                    "issuer": issuer,
                    "authorization_endpoint": f"{issuer}/authorize",
                    "token_endpoint": f"{issuer}/token",
                    "jwks_uri": f"{issuer}/keys",
                    "end_session_endpoint": f"{issuer}/end",
                    "response_types_supported": ["code"],
                    "subject_types_supported": ["public"],
                    "id_token_signing_alg_values_supported": ["RS256"],
                }
            )
        elif url.path == "/keys":
            self._json({"keys": [self.key.as_dict(private=False)]})
        elif url.path == "/authorize" and query["client_id"] == CLIENT:
            self._answer(200, "text/html", "".join(self._links(query)))
        elif url.path == "/end" and query["client_id"] == CLIENT:
            self._answer(302, "text/plain", "", query["post_logout_redirect_uri"])
        else:
            self._answer(404, "text/plain", "")

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        form = {name: values[0] for name, values in parse_qs(content).items()}
        client = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
        request = self.codes.pop(form.get("code", ""), None)
        asked = request and request["redirect_uri"] == form["redirect_uri"]
        if not asked or self.headers["Authorization"] != f"Basic {client}":
            return self._json({"error": "invalid_grant"}, 400)
        claims = {
            "iss": f"http://{self.headers['Host']}",
            "sub": request["email"],
            "aud": CLIENT,
            "iat": int(time.time()),
            "exp": int(time.time()) + 60,
            "nonce": request["nonce"],
            "email": request["email"],
            "email_verified": self.server.people[request["email"]],  # type: ignore[attr-defined]
        }
        token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.key)
        self._json({"access_token": "x", "token_type": "Bearer", "id_token": token})

    def _links(self, query: dict[str, str]) -> Iterator[str]:
        """Yield a link for each person, which goes back with a code."""
        for email in self.server.people:  # type: ignore[attr-defined]
            code = f"{time.time_ns()}-{email}"
            self.codes[code] = {**query, "email": email}
            back = urlencode({"code": code, "state": query["state"]})
            yield f'<p><a href="{query["redirect_uri"]}?{back}">{email}</a>'

    def _json(self, document: object, status: int = 200) -> None:
        self._answer(status, "application/json", json.dumps(document))

    def _answer(self, status: int, kind: str, text: str, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *words: object) -> None:
        """Print nothing."""
