"""What recognizes the parts of a batch, one after the other: in a process, or in an actor of Ray.

A result depends on its own input alone: each photo is a batch of its own and each video begins
anew, in float32 and with one thread, whatever else is recognized beside it or before.
"""

import errno
from contextlib import nullcontext
from pathlib import Path

import cv2

from pipeline.errors import UserError
from pipeline.runs import find_model
from pipeline.storage import valid_text, write_atomic
from pipeline.vision.batch.inputs import ArchiveReader, Input
from pipeline.vision.batch.output import BatchOutput, network_digest
from pipeline.vision.detectors import find_detector
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.live.settings import LiveSettings, scale_smallest_face
from pipeline.vision.photo import PhotoDetector, recognize
from pipeline.vision.photo_files import faces_of_photo, read_photo
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.tables import PHOTO_SCHEMA, VIDEO_SCHEMA, WriteRow, table_writer
from pipeline.vision.video.annotate import recognize_frames
from pipeline.vision.video.decode import video_size

_SMALLEST_FACE = LiveSettings().smallest_face
# Faults of the machine, not of an input. Without EIO, which a damaged disk or video gives always.
_FAULTS = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE),
    *(errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.EHOSTDOWN),
)


class PartWorker:
    """Holds one compiled model. OpenCV uses one thread in its process from then on.

    Args:
        folder: of the batch.

    Raises:
        UserError: the batch, its model or its detector cannot be read, or the model is another
            one by now.
    """

    def __init__(self, folder: Path) -> None:
        cv2.setNumThreads(1)
        self._output = BatchOutput(folder)
        self._options = self._output.manifest.options
        model = find_model(self._options.model)
        if network_digest(model) != self._output.manifest.network:
            raise UserError(f"The model '{model.name}' was changed meanwhile: name a new folder.")
        self._recognizer = Recognizer.load(model, threads=1, two_views=self._options.two_views)
        find_detector(self._options.detector)()  # one that cannot start is no photo's problem
        self._photo_detector = PhotoDetector(self._options.detector)
        self._archives = ArchiveReader()

    def write(self, part: int) -> None:
        """Write a part, unless it is written already.

        Raises:
            OSError: that is not possible, for example because the disk is full.
            UserError: an input cannot be read, or an annotated video not be written, because of
                the machine: the part stays missing.
        """
        path = self._output.part_path(part)
        if path.exists():
            return
        photos = self._output.manifest.task == "photos"
        schema = PHOTO_SCHEMA if photos else VIDEO_SCHEMA
        with write_atomic(path) as partial, table_writer(partial, schema) as write_row:
            for given in self._output.inputs(part):
                name = valid_text(given.name)
                empty = [name, *[None] * (len(schema) - 2)]
                try:
                    if given.problem:
                        raise UserError(given.problem)
                    if photos:
                        found = self._write_photo(given, name, write_row)
                    else:
                        found = self._write_video(part, given, name, write_row)
                    if not found:
                        write_row([*empty, None])
                except (UserError, cv2.error) as error:
                    if getattr(error.__cause__, "errno", None) in _FAULTS:
                        raise
                    write_row([*empty, valid_text(str(error))])

    def _write_photo(self, given: Input, name: str, write_row: WriteRow) -> int:
        """Write a row for each face of a photo; return how many there are."""
        content = self._archives.read(given) if given.member else read_photo(Path(given.path))
        detector, cropped = self._photo_detector, self._options.cropped
        found = faces_of_photo(given.name, content, detector, cropped)
        faces = recognize(found, self._recognizer)
        for face in faces:
            numbers = map(float, (face.confidence, *face.probabilities))
            place = [name, face.number, *face.box, found.cropped]
            write_row([*place, face.emotion, *numbers, None])
        return len(faces)

    def _write_video(self, part: int, given: Input, name: str, write_row: WriteRow) -> int:
        """Write a row for each face and frame of a video; return how many there are."""
        target = self._output.video_path(part, name) if self._options.annotated else None
        if target:
            target.unlink(missing_ok=True)  # of a worker that was killed before the table's end
        copied = self._archives.copy(given) if given.member else nullcontext(Path(given.path))
        with copied as source:
            try:
                smallest = scale_smallest_face(_SMALLEST_FACE, *video_size(source))
                detector = find_detector(self._options.detector)(smallest)
                pipeline = FacePipeline(
                    detector, self._recognizer.share(), self._options.smoothing_s
                )
                result = recognize_frames(
                    source,
                    target,
                    lambda row: write_row([name, *row, None]),
                    pipeline,
                    lambda fraction: None,
                    threads=1,
                )
            except UserError as error:
                raise UserError(str(error).replace(str(source), name)) from error.__cause__
        if result.video.damaged:
            seconds = f"{result.video.seconds:.1f} s"
            raise UserError(f"Not all of {name} could be read: {seconds} of it came back.")
        return result.faces
