"""glibc settings, so that videos leave no memory in use when they end; elsewhere no effect."""

import ctypes
import sys

_M_ARENA_MAX = -8
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def limit_heaps() -> None:
    """Let all threads share two heaps: one heap per video thread would seldom be freed."""
    if mallopt := getattr(_LIBC, "mallopt", None):
        mallopt(_M_ARENA_MAX, 2)


def trim_heaps() -> None:
    """Return unused heap memory to the system, which glibc would hold."""
    if malloc_trim := getattr(_LIBC, "malloc_trim", None):
        malloc_trim(0)
