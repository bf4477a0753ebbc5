"""Numbers in words: times, sizes, shares."""


def duration(seconds: float) -> str:
    """Return a time as people say it.

    Example:
        >>> duration(200)
        '3 min 20 s'
    """
    whole = max(0, round(seconds))
    hours, minutes = whole // 3600, whole // 60 % 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def size(count: float) -> str:
    """Return a number of bytes with its unit.

    Example:
        >>> size(23_600_000)
        '23.6 MB'
    """
    for unit in ("B", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} GB"


def percent(share: float) -> str:
    """Return a share, 0 to 1, as a percentage with one decimal."""
    return f"{100 * share:.1f} %"


def accuracy_with_interval(accuracy: float, interval: tuple[float, float]) -> str:
    """Return an accuracy with its 95 % interval, all 0 to 1, in percent."""
    low, high = interval
    return f"{percent(accuracy)} ({100 * low:.1f} – {100 * high:.1f})"
