"""Commands that recognize the emotions of faces in photos and videos."""

from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import cv2
import pandas as pd
import typer

from pipeline.cli.output import (
    Json,
    ModelName,
    output_file,
    output_folder,
    print_json,
    progress,
    show,
    show_one,
)
from pipeline.cli.recognize_batch import (
    PART_SIZE,
    EngineName,
    Output,
    TableFormat,
    Workers,
    check_without_output,
    recognize_batch,
)
from pipeline.data.images import SUFFIXES, ImageError, decode_color
from pipeline.errors import UserError
from pipeline.jobs import current_job
from pipeline.runs import find_model
from pipeline.storage import cannot_write, csv_text, write_atomic, write_output, write_text
from pipeline.vision.batch.output import Options
from pipeline.vision.detectors import DETECTORS, find_detector
from pipeline.vision.drawing import draw_faces
from pipeline.vision.face_pipeline import FacePipeline
from pipeline.vision.face_prediction import FacePrediction
from pipeline.vision.live.settings import LiveSettings, scale_smallest_face
from pipeline.vision.photo import PhotoDetector, PhotoFaces, photo_document, recognize
from pipeline.vision.photo_files import faces_of_files, find_photos, read_photo
from pipeline.vision.recognizer import Recognizer
from pipeline.vision.tables import PHOTO_SCHEMA
from pipeline.vision.video.annotate import recognize_video
from pipeline.vision.video.decode import SUFFIXES as VIDEO_SUFFIXES
from pipeline.vision.video.decode import video_size

COLUMNS = PHOTO_SCHEMA.names[:-1]

DetectorName = Annotated[str, typer.Option(help=f"Face detector: {', '.join(DETECTORS)}.")]

_LIVE = LiveSettings()


def video(
    model: ModelName,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="IN OUT",
            help="A video and a new .mp4 file. With --output: videos, folders, zips, tars, lists.",
        ),
    ],
    csv: Annotated[
        Path | None, typer.Option(help="Write a row per face and frame.", callback=output_file)
    ] = None,
    smoothing: Annotated[
        float, typer.Option(min=0, help="Seconds over which a face's probabilities are averaged.")
    ] = _LIVE.smoothing_s,
    detector: DetectorName = _LIVE.detector,
    output: Output = None,
    annotated: Annotated[
        bool, typer.Option("--annotated", help="With --output: also the videos with faces drawn.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="With --output: also the folders in a folder.")
    ] = False,
    table_format: TableFormat = None,
    engine: EngineName = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Write a video with its faces and their emotions drawn, without its sound.

    Each frame keeps its time. A face is drawn from the second frame it is detected in. Of a
    damaged or truncated video, the readable part is written.

    With --output FOLDER, any number of videos: one table each, and with --annotated one video. The
    same command goes on after an interruption.
    """
    if output is not None:
        if csv:
            raise UserError("--csv does not go with --output: take --format csv.")
        options = Options(
            model=model,
            detector=detector,
            smoothing_s=smoothing,
            annotated=annotated,
            format=table_format or "parquet",
        )
        return recognize_batch(
            "videos",
            paths,
            VIDEO_SUFFIXES,
            output,
            options,
            recursive=recursive,
            engine=engine,
            workers=workers,
            as_json=as_json,
        )
    check_without_output(
        annotated=annotated,
        recursive=recursive,
        format=table_format,
        engine=engine,
        workers=workers,
    )
    if len(paths) != 2:
        raise typer.BadParameter("name a video and a new .mp4 file, or give --output FOLDER.")
    source, out = paths
    output_file(out)
    if out.suffix.lower() != ".mp4":
        raise UserError(f"{out} is not the name of an MP4 file: let it end in .mp4.")
    run, make_detector = find_model(model), find_detector(detector)
    smallest = scale_smallest_face(_LIVE.smallest_face, *video_size(source))
    face_pipeline = FacePipeline(make_detector(smallest), Recognizer.load(run), smoothing)
    with progress(f"Recognizing {source.name}") as set_progress:
        result = recognize_video(source, out, csv, face_pipeline, set_progress)
        if result.video.damaged:
            seconds = f"{result.video.seconds:.1f} s"
            if current_job():  # the page shows this beside the video
                remark = f"Not all of the video could be read: {seconds} of it came back."
                with suppress(OSError):
                    write_text(out.with_suffix(".txt"), remark)
            typer.echo(f"Not all of {source} could be read: {out} holds {seconds}.", err=True)
    files = {"out": str(out), "csv": str(csv) if csv else None}
    counts = {"faces": result.faces, "tracks": result.tracks}
    show_one({**asdict(result.video), **counts, **files}, as_json)


def predict(
    model: ModelName,
    paths: Annotated[
        list[Path],
        typer.Argument(help="Photos, folders, patterns. With --output also zips, tars and lists."),
    ],
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Also take the folders in a folder.")
    ] = False,
    cropped: Annotated[bool, typer.Option(help="Each photo is a face crop already.")] = False,
    csv: Annotated[
        Path | None, typer.Option(help="Write a row per face.", callback=output_file)
    ] = None,
    annotated: Annotated[
        Path | None,
        typer.Option(help="Folder for copies with the faces drawn.", callback=output_folder),
    ] = None,
    two_views: Annotated[
        bool, typer.Option("--two-views", help="Average each face and its mirror image.")
    ] = False,
    detector: DetectorName = _LIVE.detector,
    output: Output = None,
    table_format: TableFormat = None,
    part_size: Annotated[
        int | None, typer.Option(min=1, help=f"Photos of a part; {PART_SIZE} by default.")
    ] = None,
    engine: EngineName = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Detect the faces of photos and predict their emotions.

    An image that one face fills, such as one of 48x48 pixels, is a face crop already: it is
    recognized as a whole.

    --two-views takes twice the time; pages and stored metrics do not use it.

    --annotated writes a PNG file under the photo's name, numbered if that is taken.

    --output FOLDER takes any number of photos, also in archives, or in lists: .txt files with a
    path in each line. It writes a table for each part of them. The same command goes on after an
    interruption.
    """
    if output is not None:
        if csv or annotated:
            raise UserError("--csv and --annotated do not go with --output: take --format csv.")
        options = Options(
            model=model,
            detector=detector,
            cropped=cropped,
            two_views=two_views,
            format=table_format or "parquet",
            part_size=part_size or PART_SIZE,
        )
        return recognize_batch(
            "photos",
            paths,
            SUFFIXES,
            output,
            options,
            recursive=recursive,
            engine=engine,
            workers=workers,
            as_json=as_json,
        )
    check_without_output(format=table_format, part_size=part_size, engine=engine, workers=workers)
    recognizer = Recognizer.load(find_model(model), two_views=two_views)
    files, errors = find_photos(paths, recursive)
    photos = []
    with progress(f"Recognizing {len(files):,} photos") as set_progress:
        found = faces_of_files(files, PhotoDetector(detector), cropped)
        for done, (path, faces) in enumerate(zip(files, found, strict=True), start=1):
            try:
                photos.append(_recognize(path, faces, recognizer, annotated))
            except UserError as error:
                errors.append(error)
            set_progress(done / len(files))
    if csv:
        try:
            write_output(csv, _table(photos))
        except UserError as error:  # the results are printed all the same
            errors.append(error)
    if as_json:
        print_json(photos)
    elif photos:
        show([row for photo in photos for row in _rows(photo)])
        whole = sum(photo["cropped"] for photo in photos)
        if whole and not cropped:
            print(f"Recognized as a whole, as a face crop already: {whole:,} of {len(photos):,}.")
    if errors:
        raise UserError("\n".join(map(str, errors)))


def _recognize(
    path: Path, found: PhotoFaces | UserError, recognizer: Recognizer, annotated: Path | None
) -> dict[str, Any]:
    if isinstance(found, UserError):
        raise found
    faces = recognize(found, recognizer)
    document = photo_document(str(path), found, faces)
    if annotated:
        document["annotated"] = str(_annotate(path, faces, annotated))
    return document


def _annotate(path: Path, faces: list[FacePrediction], folder: Path) -> Path:
    """Write a copy of a photo with its faces drawn; return its path."""
    try:
        image_bgr = decode_color(read_photo(path))
    except ImageError as error:  # changed meanwhile
        raise UserError(f"{path} {error}.") from error
    draw_faces(image_bgr, faces)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = _free_path(folder, path.stem)
        with write_atomic(file) as partial:
            partial.write_bytes(cv2.imencode(".png", image_bgr)[1].tobytes())
    except OSError as error:
        raise cannot_write(
            f"{path} with its faces cannot be written to {folder}", error, "choose another folder"
        ) from error
    return file


def _free_path(folder: Path, stem: str) -> Path:
    file, count = folder / f"{stem}.png", 1
    while file.exists():
        count += 1
        file = folder / f"{stem}-{count}.png"
    return file


def _rows(photo: dict[str, Any]) -> list[dict[str, Any]]:
    path = {"path": photo["path"]}
    if not photo["faces"]:
        empty = dict.fromkeys(("probability", "confidence"))
        return [{**path, "box": None, "emotion": "no face", **empty}]
    return [
        {
            **path,
            "box": "whole image" if photo["cropped"] else face["box"],
            "emotion": face["emotion"],
            "probability": face["probabilities"][face["emotion"]],
            "confidence": face["confidence"],
        }
        for face in photo["faces"]
    ]


def _table(photos: list[dict[str, Any]]) -> str:
    """Return the CSV of `predict`, with a row for each face; faces count from 1 in each photo."""
    rows = []
    for photo in photos:
        for number, face in enumerate(photo["faces"], start=1):
            numbers = (face["confidence"], *face["probabilities"].values())
            rows.append(
                [photo["path"], number, *face["box"], photo["cropped"], face["emotion"]]
                + [f"{value:.4f}" for value in numbers]
            )
    return csv_text(pd.DataFrame(rows, columns=COLUMNS))
