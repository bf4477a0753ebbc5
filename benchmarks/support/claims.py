"""Checks of claims: each prints what was measured, what is claimed, and whether it holds."""

import numpy as np


def check(measured: str, holds: bool, claim: str) -> bool:
    """Print a measurement beside its claim; return whether the claim holds."""
    print(f"  {measured} (claim: {claim}): {'holds' if holds else 'MISSED'}", flush=True)
    return holds


def check_bounds(
    what: str, value: float, *, at_least: float = -np.inf, at_most: float = np.inf
) -> bool:
    """Check a number against its bounds, see `check`."""
    claim = f"at least {at_least:g}" if at_least > -np.inf else f"at most {at_most:g}"
    return check(f"{what}: {value:.2f}", at_least <= value <= at_most, claim)
