"""How many may be served at once."""

import threading


class Places:
    """A limited number of places, taken by whoever is served. Safe to use from any thread.

    Args:
        limit: how many there are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._holders: set[int] = set()
        self._lock = threading.Lock()

    def take(self, holder: object) -> bool:
        """Give a holder its place, once; False if all are taken by others."""
        with self._lock:
            if id(holder) in self._holders:
                return True
            if len(self._holders) >= self.limit:
                return False
            self._holders.add(id(holder))
            return True

    def free(self, holder: object) -> None:
        """Take a holder's place back; harmless if it has none."""
        with self._lock:
            self._holders.discard(id(holder))

    def holds(self, holder: object) -> bool:
        """Whether a holder has its place."""
        return id(holder) in self._holders

    @property
    def full(self) -> bool:
        """Whether all places are taken."""
        return len(self._holders) >= self.limit
