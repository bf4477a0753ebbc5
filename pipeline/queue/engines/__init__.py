"""The engines that train queued runs. A new one is a class and a line in `ENGINES`.

Loads no keras, and no library of an engine before it is used.
"""

from pipeline.errors import UserError
from pipeline.queue.engines.engine import Engine, Handle, Unreachable, check_installed
from pipeline.queue.engines.local import LocalEngine
from pipeline.queue.engines.ray import RayEngine

__all__ = ["ENGINES", "Engine", "Handle", "Unreachable", "check_installed", "engine_named"]

ENGINES: dict[str, Engine] = {"local": LocalEngine(), "ray": RayEngine()}


def engine_named(name: str) -> Engine:
    """Return an engine.

    Raises:
        UserError: there is none of that name.
    """
    if name not in ENGINES:
        raise UserError(f"Unknown engine '{name}'. Choose from: {', '.join(ENGINES)}.")
    return ENGINES[name]
