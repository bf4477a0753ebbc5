"""What a source holds, shown before it is imported, and the questions that its names leave open."""

import sys
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from dashboard.widgets.gallery import Tile, tile_grid
from dashboard.widgets.markdown import escape_markdown
from pipeline.data.dataset import SPLITS, split_name
from pipeline.data.import_options import SKIP, Meaning, Survey
from pipeline.data.source_names import class_parts
from pipeline.labels import EMOTIONS, SCHEMES, label_of
from pipeline.report.face_images import data_uri

_SCHEMES = {
    "fer2013": "FER-2013",
    "alphabetical": "Alphabetical",
    "ferplus": "FER+",
    "rafdb": "RAF-DB",
    "affectnet": "AffectNet",
}
_TILE_PX, _FACE_PX, _ANSWER_PX = 64, 48, 150
_FEW, _ROWS = 4, 40

Answers = dict[str, str]
"""Name in lower case → what it means."""


def show_summary(survey: Survey) -> None:
    """Show the format of a source, its faces, and its splits and classes that need no answer."""
    faces = sum(each.faces for each in survey.classes.values() if each.meaning != SKIP)
    splits = _known(survey.splits, SPLITS)
    classes = _known(survey.classes, (*EMOTIONS, SKIP))
    if faces:
        st.markdown(" · ".join([f"**{_faces(faces)}**", *map(_words, splits.items())]))
    counted = "Counted by names and labels: images that cannot be read are found by the import."
    st.caption(escape_markdown(f"Format: {survey.format}. {counted if faces else ''}"))
    tiles = [
        Tile(each.example, str(each.meaning), _named(name, each))
        for name, each in classes.items()
        if each.example is not None
    ]
    if tiles:
        tile_grid("import.classes", tiles, side=_TILE_PX)
    if others := [_words(item) for item in classes.items() if item[1].example is None]:
        st.markdown(" · ".join(others))


def _known(names: Mapping[str, Meaning], order: Sequence[str]) -> dict[str, Meaning]:
    """Return the names that mean something, in an order of what they mean."""
    known = {name: each for name, each in names.items() if each.meaning}
    return dict(sorted(known.items(), key=lambda item: order.index(str(item[1].meaning))))


def _words(named: tuple[str, Meaning]) -> str:
    """Return what a name means, and the number of its faces, such as `test 28 (test_set)`."""
    name, each = named
    words = f"{split_name(str(each.meaning))} {each.faces:,}" + (
        "" if name.lower() == each.meaning else f" ({name})"
    )
    return escape_markdown(words)


def ask_classes(key: str, survey: Survey, given: Mapping[str, str]) -> tuple[Answers, list[str]]:
    """Let the classes be assigned whose names say no emotion.

    Args:
        key: names the source.
        survey: what the source holds.
        given: the answers before.

    Returns:
        The answers, each an emotion or `SKIP`, and the classes without one.
    """
    unknown = {name: each for name, each in survey.classes.items() if each.meaning is None}
    numbers = {name: str(n) for name in unknown if (n := class_parts(name)[0]) is not None}
    if unknown:
        st.markdown("**What do these classes mean?** Their names say no emotion.")
    if numbers:
        scheme_key = f"{key} scheme"
        st.segmented_control(
            "The numbers are those of",
            list(_SCHEMES),
            format_func=_SCHEMES.__getitem__,
            key=scheme_key,
            on_change=_number_as,
            args=(key, scheme_key, numbers),
        )
    return _ask(key, unknown, (*EMOTIONS, SKIP), given)


def _number_as(key: str, scheme_key: str, numbers: Mapping[str, str]) -> None:
    """Answer by a scheme; what it numbers and is no emotion is skipped."""
    scheme = SCHEMES.get(st.session_state[scheme_key], {})
    for name, number in numbers.items():
        word = scheme.get(number)
        label = None if word is None else label_of(word)
        emotion = None if label is None else EMOTIONS[label]
        st.session_state[f"{key} {name}"] = emotion or (None if word is None else SKIP)


def ask_splits(key: str, survey: Survey, given: Mapping[str, str]) -> tuple[Answers, list[str]]:
    """Let the folders be assigned that may be splits, as `ask_classes` does."""
    unknown = {name: each for name, each in survey.splits.items() if each.meaning is None}
    if unknown:
        st.markdown("**Which splits are these?** Their names do not say it.")
    return _ask(key, unknown, SPLITS, given)


def _named(name: str, each: Meaning) -> str:
    """Return the number of faces, after the name unless that is what it means."""
    return ("" if name.lower() == each.meaning else f"{name} · ") + _faces(each.faces)


def _faces(n: int) -> str:
    return "1 face" if n == 1 else f"{n:,} faces"


def _ask(
    key: str, unknown: Mapping[str, Meaning], choices: Sequence[str], given: Mapping[str, str]
) -> tuple[Answers, list[str]]:
    """Show a row for each of the unknown names with the most faces, and one for all others."""
    by_size = sorted(unknown, key=lambda name: -unknown[name].faces)
    others = None
    if len(by_size) > _FEW:
        others = _row(f"{key} *", "All others", choices, None)
    answers: Answers = {}
    for name in sorted(by_size[:_ROWS], key=_by_number):
        each = unknown[name]
        title = f"**{escape_markdown(name)}** · {_faces(each.faces)}"
        before = given.get(name.lower())
        answer = _row(f"{key} {name}", title, choices, before, name, each.example, others)
        if answer or others:
            answers[name.lower()] = str(answer or others)
    if others:
        answers |= dict.fromkeys((name.lower() for name in by_size[_ROWS:]), others)
    return answers, [name for name in by_size if name.lower() not in answers]


def _by_number(name: str) -> tuple[int, str]:
    number, word = class_parts(name)
    return (sys.maxsize if number is None else number, word or name)


def _row(
    key: str,
    title: str,
    choices: Sequence[str],
    before: str | None,
    name: str = "",
    example: NDArray[np.uint8] | None = None,
    otherwise: str | None = None,
) -> str | None:
    """Show a name, with a face if there is one, and the choice of what it means."""
    st.session_state.setdefault(key, before)
    with st.container(horizontal=True, vertical_alignment="center"):
        if example is not None:
            st.image(data_uri(example), width=_FACE_PX, alt=f"a face of {name}")
        st.markdown(title, width="stretch")
        answer: str | None = st.selectbox(
            f"What {escape_markdown(name) or 'all others'} means",
            choices,
            format_func=_choice,
            placeholder=_choice(otherwise) if otherwise else "Choose…",
            key=key,
            label_visibility="collapsed",
            width=_ANSWER_PX,
        )
    return answer


def _choice(meaning: str) -> str:
    return "Skip" if meaning == SKIP else split_name(meaning)
