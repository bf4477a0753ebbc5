"""What glibc is told, so that videos that come and go leave no memory taken; elsewhere nothing."""

import ctypes
import sys

_M_ARENA_MAX = -8
_C = ctypes.CDLL(None) if sys.platform == "linux" else None


def share_heaps() -> None:
    """Let all threads share two heaps: else each of a video has its own, which is seldom freed."""
    if mallopt := getattr(_C, "mallopt", None):
        mallopt(_M_ARENA_MAX, 2)


def give_back() -> None:
    """Give the system back what is free in the heaps, which glibc else keeps."""
    if trim := getattr(_C, "malloc_trim", None):
        trim(0)
