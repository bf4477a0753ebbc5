"""What the names of folders, files and values in a source say about split and class."""

import re
from collections.abc import Iterator
from functools import lru_cache

_CONTAINERS = (
    "data dataset datasets emotion emotions expression expressions face faces image images img "
    "imgs photo photos pic pics picture pictures"
).split()
_AFFIXES = (
    *_CONTAINERS,
    *(
        "affectnet aligned archive aug augmented balanced batch category ck ckplus class cleaned "
        "crop cropped crops db example examples expw facial fer fer2013 ferplus file files final "
        "folder fold frame frames full gray grayscale human jaffe jpeg jpg kdef label labels list "
        "mini my new original our part partition people person png portrait portraits processed "
        "raf rafdb raw resized sample samples set sets sorted split subset the"
    ).split(),
)
_SPLIT_WORDS = {
    "train": "train training trains trained trn",
    "validation": "dev devel development eval evaluation val valid validate validating validation",
    "test": "test tests testing tst heldout holdout",
    "public_test": "publictest publictesting testpublic",
    "private_test": "privatetest privatetesting testprivate",
}
_SPLITS = {word: split for split, words in _SPLIT_WORDS.items() for word in words.split()}


_CONTAINER = re.compile(rf"(?:{'|'.join(sorted(_CONTAINERS, key=len, reverse=True))})+")
_NUMBER = re.compile(r"\d+(?:x\d+)?")
_JOINTS = re.compile(r"[\W_]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NUMBERED = re.compile(
    r"(?:(?:class|label|emotion|expression|category)[\W_]*0*(?=\d))?(\d{1,2})(?:\.0*)?(?:[\W_]*(\D.*))?",
    re.DOTALL | re.IGNORECASE,
)


def split_named(name: str) -> str | None:
    """Return the split that a name means, None if it means none or could mean two.

    Case, spaces, punctuation, digits and words such as "set", "images" or "data" do not count.

    Example:
        >>> split_named("Training_Set"), split_named("dev-images"), split_named("trainval")
        ('train', 'validation', None)
    """
    readings = _readings(_JOINTS.sub("", name.lower()))
    return next(iter(readings)) if len(readings) == 1 else None


@lru_cache(maxsize=4096)
def _readings(letters: str) -> frozenset[str | None]:
    """Return the splits that letters name if they are one word of a split and affixes around."""
    readings: dict[int, set[str | None]] = {0: {None}}  # of the letters up to a place
    for start in range(len(letters)):
        for split in readings.get(start, ()):
            for end, named in _next_words(letters, start):
                if not (split and named):
                    readings.setdefault(end, set()).add(split or named)
    return frozenset(readings.get(len(letters), ()))


def _next_words(letters: str, start: int) -> Iterator[tuple[int, str | None]]:
    """Yield the end of each known word that begins at a place, and the split that it means."""
    if number := _NUMBER.match(letters, start):
        yield number.end(), None
    for word in _AFFIXES:
        if letters.startswith(word, start):
            yield start + len(word), None
    for word, split in _SPLITS.items():
        if letters.startswith(word, start):
            yield start + len(word), split


def split_beside_class(name: str) -> str | None:
    """Return the split that one word of a class's name means, None if none or several do.

    Example:
        >>> split_beside_class("train_happy"), split_beside_class("happy")
        ('train', None)
    """
    splits = {_SPLITS[word] for word in _words(name) if word in _SPLITS}
    return splits.pop() if len(splits) == 1 else None


def is_container(name: str) -> bool:
    """Return whether a folder's name says no more than that images are in it: "faces", "data"."""
    return _CONTAINER.fullmatch(_JOINTS.sub("", name.lower())) is not None


def class_parts(name: str) -> tuple[int | None, str]:
    """Return the number before the name of a class, if any, and the name without what says nothing.

    Example:
        >>> class_parts("0_angry"), class_parts("3.0"), class_parts("Happy faces")
        ((0, 'angry'), (3, ''), (None, 'happy'))
    """
    number, rest = None, name.strip()
    if numbered := _NUMBERED.fullmatch(rest):
        number, rest = int(numbered[1]), numbered[2] or ""
    words = [word for word in _words(rest) if word not in _AFFIXES and word not in _SPLITS]
    letters = " ".join(filter(None, (word.rstrip("0123456789") for word in words)))
    if number is not None and words and not letters:  # several numbers are not the first of them
        return None, name.strip().lower()
    return number, letters


def _words(name: str) -> list[str]:
    return [word for word in _JOINTS.split(_CAMEL.sub(" ", name).lower()) if word]
