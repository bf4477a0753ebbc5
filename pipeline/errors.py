"""The exception whose text is shown to the user."""


class UserError(Exception):
    """A mistake that the user can fix; its text names the value, the choices and the cure.

    Args:
        text: the sentence, with the cure for the command line.
        on_page: the sentence for the dashboard, where the cure for the command line is an option.
        field: the field of a training's configuration that is wrong; empty if it is none.
    """

    def __init__(self, text: str, *, on_page: str = "", field: str = "") -> None:
        super().__init__(text)
        self.field = field
        self.on_page = on_page or text
