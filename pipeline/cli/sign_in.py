"""What `doctor` finds in the dashboard's settings of server and sign-in: Streamlit's TOML files."""

import os
import tomllib
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from packaging.version import Version

from pipeline.network import is_this_machine
from pipeline.workspace import PROJECT

_MIN_AUTHLIB = Version("1.3.2")
_MIN_SECRET = 32
_PROVIDER = ("client_id", "client_secret", "server_metadata_url")
_CALLBACK = "/oauth2callback"
_VARIABLES = ("ADDRESS", "PORT", "ALLOWED_HOSTS")


class Problem(NamedTuple):
    """What is wrong with the sign-in, and its cure; `broken` unless sign-in works all the same."""

    finding: str
    cure: str
    broken: bool = True


def server_settings() -> dict[str, Any]:
    """Return the settings `server` of the dashboard, without options of the command line."""
    settings: dict[str, Any] = {}
    for path in _files("config.toml"):
        if path.is_file():
            settings |= _section(tomllib.loads(path.read_text()).get("server"))
    given = {name: os.environ.get(f"STREAMLIT_SERVER_{name}", "") for name in _VARIABLES}
    if given["ADDRESS"]:
        settings["address"] = given["ADDRESS"]
    if given["PORT"].isdigit():
        settings["port"] = int(given["PORT"])
    if given["ALLOWED_HOSTS"]:
        settings["allowedHosts"] = given["ALLOWED_HOSTS"].replace(",", " ").split()
    return settings


def has_sign_in() -> bool:
    """Return whether the dashboard asks for sign-in, because of `[auth]` or damaged secrets."""
    try:
        return "auth" in read_secrets()
    except (OSError, ValueError):
        return True


def sign_in_problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield what keeps people from signing in, or is unsafe.

    Args:
        settings: of the server.
    """
    try:
        secrets = read_secrets()
    except (OSError, ValueError) as error:
        yield Problem(f"the secrets cannot be read, so nobody gets in: {error}", "mend the file")
        return
    for path in _files("secrets.toml"):
        if os.name == "posix" and path.exists() and path.stat().st_mode & 0o077:
            yield Problem(f"other users can read {path}", f"chmod 600 {path}", broken=False)
    try:
        installed = version("authlib")
        if Version(installed) < _MIN_AUTHLIB:
            yield Problem(f"authlib {installed} is too old", 'pip install -e ".[auth]"')
    except PackageNotFoundError:
        yield Problem("authlib is not installed", 'pip install -e ".[auth]"')
    auth = _section(secrets["auth"])
    yield from _auth_problems(auth)
    yield from _address_problems(str(auth.get("redirect_uri", "")), settings)
    yield from _list_problems(_section(secrets.get("access")))


def _auth_problems(auth: Mapping[str, Any]) -> Iterator[Problem]:
    secret = str(auth.get("cookie_secret", ""))
    if len(secret) < _MIN_SECRET:
        cure = f"write {_MIN_SECRET} random characters: openssl rand -hex 32"
        finding = "cookie_secret is too short" if secret else "[auth] has no cookie_secret"
        yield Problem(finding, cure, broken=not secret)
    names = [name for name, value in auth.items() if name != "client_kwargs" and _section(value)]
    for name in names or [""]:
        provider, title = (auth[name], f"auth.{name}") if name else (auth, "auth")
        missing = [key for key in _PROVIDER if not provider.get(key)]
        if missing:
            yield Problem(f"[{title}] has no {', '.join(missing)}", "the provider gives them")
        if "_" in name:
            yield Problem(f"[{title}] has an underscore", "choose another name for the section")


def _address_problems(redirect: str, settings: Mapping[str, Any]) -> Iterator[Problem]:
    url = urlsplit(redirect)
    if not url.scheme or not url.hostname or not redirect.endswith(_CALLBACK):
        cure = f"write the address of the dashboard with {_CALLBACK}"
        yield Problem(f"redirect_uri is '{redirect}'", cure)
        return
    if url.scheme != "https" and not is_this_machine(url.hostname):
        yield Problem("redirect_uri is not https, so others can read along", "use https")
    names = settings.get("allowedHosts", ())
    suffixes = tuple(name[1:] for name in names if name.startswith("*"))
    if names and url.hostname not in names and not url.hostname.endswith(suffixes or "/"):
        yield Problem(
            f"the server does not answer under {url.hostname} of redirect_uri",
            "add the name to server.allowedHosts, unless an option of the command line has it",
            broken=False,
        )


def _list_problems(lists: Mapping[str, Any]) -> Iterator[Problem]:
    found = {name: lists.get(name) or [] for name in ("editors", "viewers")}
    entries = [
        str(entry)
        for each in found.values()
        for entry in (each if isinstance(each, list) else [each])
    ]
    example = '[access] editors = ["ann@lab.org"] in the secrets'
    if not entries:
        yield Problem("no list has an address, so nobody gets in", f"write {example}")
    elif not found["editors"]:
        yield Problem("nobody is an editor", f"write {example}", broken=False)
    for entry in entries:
        if "@" not in entry[:-1]:
            yield Problem(f"'{entry}' is no address and no domain", "write @lab.org for a domain")


def read_secrets() -> dict[str, Any]:
    """Return all secrets.

    Raises:
        OSError: a file cannot be read.
        ValueError: a file is no TOML.
    """
    secrets: dict[str, Any] = {}
    for path in _files("secrets.toml"):
        if os.path.lexists(path):
            secrets |= tomllib.loads(path.read_text(encoding="utf-8"))
    return secrets


def _files(name: str) -> list[Path]:
    """Return where Streamlit looks for a file, the one that counts most last."""
    folders = (Path.home(), Path.cwd(), PROJECT / "dashboard")
    return list(dict.fromkeys(folder / ".streamlit" / name for folder in folders))


def _section(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
