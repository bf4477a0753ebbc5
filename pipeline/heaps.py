"""Settings of glibc's heaps, where memory is kept that was freed; on other systems no effect."""

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def limit_heaps() -> None:
    """Let all threads share two heaps: one heap per video thread would seldom be freed.

    Frames, of about 1 MB, come from the heaps: memory that the system gives and takes back for
    each frame takes longer to get than the frame to convert.
    """
    _set(_M_ARENA_MAX, 2)
    _set(_M_MMAP_THRESHOLD, 4 * 2**20)
    _set(_M_TRIM_THRESHOLD, 16 * 2**20)


def trim_heaps() -> None:
    """Return unused heap memory to the system, which glibc would hold."""
    if malloc_trim := getattr(_LIBC, "malloc_trim", None):
        malloc_trim(0)


def keep_heaps() -> None:
    """Keep what a training step has freed, as the next one takes as much again.

    TensorFlow lowers a threshold when it first reads batches from Python, against a leak seen with
    Python 3.11. Each tensor of 128 kB or more then comes from the system, which clears it page by
    page: two fifths of a training's processor time. So this has to be called after that. It takes
    up to 0.4 GB more memory, and no more with more epochs.
    """
    _set(_M_TRIM_THRESHOLD, 2**31 - 1)
    if not _set(_M_MMAP_THRESHOLD, 2**30):
        _set(_M_MMAP_THRESHOLD, 2**25)  # older ones allow no more


def _set(parameter: int, value: int) -> bool:
    """Set a parameter; return whether that is possible."""
    mallopt = getattr(_LIBC, "mallopt", None)
    return bool(mallopt and mallopt(parameter, value))
