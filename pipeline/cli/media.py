"""Commands that recognise the faces of photos and videos."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import cv2
import typer

from pipeline.cli.report import Json, progress, show, show_one
from pipeline.data.pictures import decode_colour
from pipeline.errors import UserError
from pipeline.labels import EMOTIONS
from pipeline.runs import find_model
from pipeline.vision.decoding import video_size
from pipeline.vision.faces import DETECTORS
from pipeline.vision.jobs import VideoJob
from pipeline.vision.overlay import draw_face
from pipeline.vision.photo import RecognisedFace, recognise_file
from pipeline.vision.reader import FaceReader
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.snapshot import LiveSettings, smallest_side
from pipeline.vision.video import recognise_video

_LIVE = LiveSettings()

Model = Annotated[str, typer.Argument(help="A run's or a shipped model's name.")]


def video(
    model: Model,
    source: Annotated[Path, typer.Argument(metavar="IN", help="A video.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new .mp4 file.")],
    csv: Annotated[Path | None, typer.Option(help="Write a row for each face of a frame.")] = None,
    smoothing: Annotated[
        float, typer.Option(min=0, help="Seconds over which probabilities are averaged.")
    ] = _LIVE.smoothing_s,
    detector: Annotated[
        str, typer.Option(help=f"What finds the faces: {', '.join(DETECTORS)}.")
    ] = _LIVE.detector,
    as_json: Json = False,
) -> None:
    """Write a video with its faces and their emotions drawn, without its sound.

    Each frame keeps its time. A face shows from the second frame it is found in. Of a damaged or
    cut-off video, what can be read is written.
    """
    if detector not in DETECTORS:
        raise UserError(f"Unknown detector '{detector}'. Choose from: {', '.join(DETECTORS)}.")
    if out.suffix.lower() != ".mp4":
        raise UserError(f"{out} is not the name of an MP4 file: let it end in .mp4.")
    found = find_model(model)
    smallest = smallest_side(_LIVE.smallest_face, *video_size(source))
    reader = FaceReader(DETECTORS[detector](smallest), Recognizer.load(found), smoothing)
    job = VideoJob(model, source, out.parent, detector)
    with progress(f"Recognising {source.name}", job) as advance:
        done = recognise_video(source, out, csv, reader, advance)
        if done.video.damaged:
            seconds = f"{done.video.seconds:.1f} s"
            job.say(f"Not all of the video could be read: {seconds} of it came back.")
            typer.echo(f"Not all of {source} could be read: {out} holds {seconds}.", err=True)
    made = {"out": str(out), "csv": str(csv) if csv else None}
    summary = {**asdict(done.video), "faces": done.faces, "tracks": done.tracks, **made}
    if as_json:
        return print(json.dumps(summary, indent=2))
    show_one(summary)


def predict(
    model: Model,
    paths: Annotated[list[Path], typer.Argument(help="Photos.")],
    cropped: Annotated[bool, typer.Option(help="Each picture is a face already.")] = False,
    annotated: Annotated[
        Path | None, typer.Option(help="Write each photo with its faces drawn to this folder.")
    ] = None,
    two_views: Annotated[
        bool, typer.Option("--two-views", help="Average each face and its mirror image.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find the faces of photos and recognise them.

    --two-views takes twice the time; the pages and stored figures take a face as it is.

    --annotated writes PNG files by the photos' names; where a name is taken, with a number.
    """
    recognizer = Recognizer.load(find_model(model), two_views=two_views)
    pictures, wrong = [], []
    for path in paths:
        try:
            pictures.append(_recognise(path, recognizer, cropped, annotated))
        except UserError as error:
            wrong.append(str(error))
    if as_json:
        print(json.dumps(pictures))
    else:
        show([row for picture in pictures for row in _rows(picture)], False, "")
    if wrong:
        raise UserError("\n".join(wrong))


def _recognise(
    path: Path, recognizer: Recognizer, cropped: bool, annotated: Path | None
) -> dict[str, Any]:
    faces = recognise_file(path, recognizer, cropped)
    written = {"annotated": str(_annotate(path, faces, annotated))} if annotated else {}
    return {"path": str(path), **written, "faces": [_face(face) for face in faces]}


def _annotate(path: Path, faces: list[RecognisedFace], folder: Path) -> Path:
    """Write a photo with its faces drawn under a free name; return where."""
    picture = decode_colour(path.read_bytes())
    if picture is None:
        raise UserError(f"{path} cannot be drawn on: save it as JPEG or PNG.")
    for number, face in enumerate(faces, start=1):
        draw_face(picture, face.box, number, face.shown, face.confidence)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _free_path(folder, path.stem)
        file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except OSError as error:
        raise UserError(
            f"{path} with its faces cannot be written to {folder} ({error.strerror or error}): "
            "choose another folder."
        ) from error
    return file


def _free_path(folder: Path, stem: str) -> Path:
    file, number = folder / f"{stem}.png", 2
    while file.exists():
        file, number = folder / f"{stem}-{number}.png", number + 1
    return file


def _rows(picture: dict[str, Any]) -> list[dict[str, Any]]:
    path = {"path": picture["path"]}
    if not picture["faces"]:
        nothing = dict.fromkeys(("probability", "confidence"))
        return [{**path, "box": None, "emotion": "no face", **nothing}]
    return [
        {
            **path,
            "box": face["box"],
            "emotion": face["emotion"],
            "probability": face["probabilities"][face["emotion"]],
            "confidence": face["confidence"],
        }
        for face in picture["faces"]
    ]


def _face(face: RecognisedFace) -> dict[str, Any]:
    return {
        "box": list(face.box),
        "emotion": face.emotion,
        "confidence": face.confidence,
        "probabilities": dict(zip(EMOTIONS, map(float, face.probabilities), strict=True)),
    }
