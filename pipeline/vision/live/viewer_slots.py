"""Limit on the live videos that a server processes at a time."""

import threading


class ViewerSlots:
    """A limited number of slots, one for each live video. Safe to use from any thread.

    Args:
        limit: how many there are.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._viewers: set[int] = set()
        self._lock = threading.Lock()

    def acquire(self, viewer: object) -> bool:
        """Reserve a viewer's one slot; return False if others use all."""
        with self._lock:
            if id(viewer) not in self._viewers and len(self._viewers) >= self.limit:
                return False
            self._viewers.add(id(viewer))
            return True

    def release(self, viewer: object) -> None:
        """Free a viewer's slot, if it has one."""
        with self._lock:
            self._viewers.discard(id(viewer))

    def has_slot(self, viewer: object) -> bool:
        """Whether a viewer has a slot."""
        return id(viewer) in self._viewers

    @property
    def full(self) -> bool:
        """Whether all slots are in use."""
        return len(self._viewers) >= self.limit
