"""A look at a source before it is imported, in a thread of its own."""

import threading
from concurrent.futures import CancelledError, Future, wait
from pathlib import Path

from pipeline.data.import_options import Survey
from pipeline.data.importing import survey_source


class SourceLook:
    """Finds out in the background what a source holds.

    Args:
        path: the file or folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.progress = 0.0
        self._is_left = threading.Event()
        self._survey: Future[Survey] = Future()
        threading.Thread(target=self._run, daemon=True).start()

    def is_done(self, wait_s: float = 0.0) -> bool:
        """Return whether it has ended, after a wait of at most some seconds."""
        return bool(wait([self._survey], wait_s).done)

    def survey(self) -> Survey:
        """Return what was found, once it is done.

        Raises:
            UserError: the source cannot be imported.
        """
        return self._survey.result()

    def leave(self) -> None:
        """End the look at the next step of its progress."""
        self._is_left.set()

    def _run(self) -> None:
        try:
            self._survey.set_result(survey_source(self.path, on_progress=self._on_progress))
        except BaseException as error:
            self._survey.set_exception(error)

    def _on_progress(self, fraction: float) -> None:
        if self._is_left.is_set():
            raise CancelledError
        self.progress = min(1.0, fraction)
