"""The one exception whose text is meant for the user."""


class UserError(Exception):
    """A mistake a user can mend: one sentence that names the value, the choices and the cure."""
