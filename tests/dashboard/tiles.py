"""What a gallery on a page under test shows."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def tiles(app: AppTest, number: int = -1) -> list[dict[str, Any]]:
    """Return the tiles of one of the page's galleries, the last one if not said."""
    return json.loads(app.get("bidi_component")[number].proto.json)["tiles"]
