"""Who reaches the dashboard's server: this machine alone, or others."""

from collections.abc import Sequence
from ipaddress import ip_address


def others_reach(address: str | None, names: Sequence[str]) -> bool:
    """Return whether a server is for more than this machine.

    A server that answers to other names is behind a proxy, or open to DNS rebinding.

    Args:
        address: that it listens on; None for all.
        names: that it answers to; empty for all.
    """
    return not names or not all(map(is_this_machine, [address, *names]))


def is_this_machine(name: object) -> bool:
    """Return whether a name or an address, such as `localhost`, is this machine's own."""
    try:
        return name == "localhost" or ip_address(str(name)).is_loopback
    except ValueError:
        return False
