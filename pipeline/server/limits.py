"""Limits of the HTTP interface: requests per second, bytes and requests at a time."""

from collections import OrderedDict
from time import monotonic

MAX_CLIENTS = 10_000


class RateLimit:
    """Lets each client make some requests per second, and twice as many at once (token bucket).

    Args:
        per_s: requests per second; 0 for no limit.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s, self._burst = per_s, max(1.0, 2 * per_s)
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait_s(self, client: str) -> float:
        """Count a request and return 0; or return in how many seconds there is room for it."""
        if not self._per_s:
            return 0.0
        now = monotonic()
        left, seen = self._clients.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - seen) * self._per_s)
        wait_s = max(0.0, (1 - left) / self._per_s)
        self._clients[client] = (left if wait_s else left - 1, now)
        if len(self._clients) > MAX_CLIENTS:
            self._clients.popitem(last=False)
        return wait_s


class Load:
    """Requests at a time and the bytes of their images.

    Args:
        max_requests: at a time, waiting ones included.
        max_bytes: of all images at a time.
    """

    def __init__(self, max_requests: int, max_bytes: int) -> None:
        self._max_requests, self._max_bytes = max_requests, max_bytes
        self.requests = self.bytes = 0

    def full(self, more_bytes: int = 0) -> bool:
        """Whether there is no room for another request, or for more bytes of one that is known."""
        if more_bytes:
            return self.bytes + more_bytes > self._max_bytes
        return self.requests >= self._max_requests
