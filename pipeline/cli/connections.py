"""What `doctor` finds in the settings of STUN and TURN servers, and by asking them."""

from typing import Literal

from pipeline import ice
from pipeline.cli.sign_in import read_secrets
from pipeline.errors import UserError

_ASK_BROWSER = 'the browser\'s side: press "Is it reachable?" on the Live page'


def video_connections() -> tuple[Literal["ok", "note", "broken"], str, str]:
    """Return how well the server can be reached by the video, what was found, and the cure."""
    try:
        secrets = read_secrets()
    except (OSError, ValueError) as error:
        return "broken", f"the secrets cannot be read: {error}", "mend the file"
    try:
        browser, server = (ice.ice_servers(side, secrets) for side in ice.SIDES)
        service = ice.provider(secrets)
        if service and (browser is None or server is None):
            finding = f"{service[0].title()}'s servers, which the dashboard fetches"
            return "note", finding, 'press "Is it reachable?" on the Live page to ask them'
        policy = ice.transport_policy(secrets, browser or [])
    except UserError as error:
        return "broken", str(error), "see docs/deploy.md"
    found = ice.server_candidates(server or [])
    finding = f"the server finds {', '.join(sorted(found)) or 'no candidate'}"
    finding += "; browsers use the TURN server only" if policy == "relay" else ""
    if cures := ice.problems("server", server or [], found):
        no_relay = "relay" not in found and ice.has_turn(server or [])
        return "broken" if no_relay or not found else "note", finding, " ".join(cures)
    return "ok", finding, _ASK_BROWSER
