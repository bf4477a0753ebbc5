"""Numbers as text: times, sizes, percentages, intervals."""

UNKNOWN = "–"


def duration(seconds: float) -> str:
    """Return a time in its two largest units.

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


def score(value: float | None) -> str:
    """Return a metric with three decimals, such as `0.663`; a dash if it is unknown."""
    return UNKNOWN if value is None else f"{value:.3f}"


def percent(share: float) -> str:
    """Return a share, 0 to 1, as a percentage with one decimal, such as `69.3%`."""
    return f"{100 * share:.1f}%"


def interval(ends: tuple[float, float]) -> str:
    """Return a 95% interval of a share, 0 to 1, in percent, such as `67.8–70.8%`."""
    low, high = ends
    return f"{100 * low:.1f}–{percent(high)}"


def accuracy_with_interval(accuracy: float, ends: tuple[float, float]) -> str:
    """Return an accuracy with its 95% interval, such as `69.3% (67.8–70.8%)`."""
    return f"{percent(accuracy)} ({interval(ends)})"


def signed(value: float, decimals: int = 0) -> str:
    """Return a difference with its sign, a real minus, such as `−1.3`."""
    return f"{value:+,.{decimals}f}".replace("-", "−")


def difference(value: float, ends: tuple[float, float]) -> str:
    """Return a difference of shares with its interval: `+2.7 points (95% CI +1.5 to +3.8)`."""
    points, low, high = (signed(100 * each, 1) for each in (value, *ends))
    return f"{points} points (95% CI {low} to {high})"
