"""The seven emotions of FER-2013 in its order, their other names, numbers and colors.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning",
https://arxiv.org/abs/1307.0414.
"""

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

COLORS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#7B4FB5",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#CC79A7",
    "neutral": "#7F7F7F",
}

_NAMES = {
    "angry": "anger angery angri angriness enraged furious fury mad rage",
    "disgust": "disgusted disgustful disgusting disguist disguisted disgusts disqust revulsion",
    "fear": "afraid feared fearful fearfull fearfulness fright frightened scared terrified terror",
    "happy": (
        "cheerful cheerfulness delight delighted enjoyment glad gladness happily happiness joy "
        "joyful joyfulness joyous"
    ),
    "sad": "sadd saddened sadnees sadness sorrow sorrowful unhappiness unhappy",
    "surprise": (
        "amazed amazement astonished astonishment surprize surprized surprice "
        "surpriced surprised surprises surprising supprise supprised"
    ),
    "neutral": "expressionless neutrality neutrall neutrals",
}
SYNONYMS = {name: emotion for emotion, names in _NAMES.items() for name in names.split()}
"""Nouns, adjectives and usual misspellings → emotion."""

CODES = {
    "an": "angry",
    "di": "disgust",
    "fe": "fear",
    "ha": "happy",
    "sa": "sad",
    "su": "surprise",
    "ne": "neutral",
}
"""Two letters of JAFFE (Lyons et al. 1998, https://doi.org/10.5281/zenodo.3451524) → emotion."""

_FERPLUS = "neutral happy surprise sad angry disgust fear contempt unknown nf".split()
_RAFDB = "surprise fear disgust happy sad angry neutral".split()
_AFFECTNET = "neutral happy sad surprise fear disgust angry contempt none uncertain no-face".split()
SCHEMES = {
    name: {str(number): word for number, word in enumerate(words, start)}
    for name, words, start in (
        ("fer2013", EMOTIONS, 0),
        ("alphabetical", sorted(EMOTIONS), 0),
        ("ferplus", _FERPLUS, 0),
        ("rafdb", _RAFDB, 1),
        ("affectnet", _AFFECTNET, 0),
    )
}
"""Name of a scheme → number → class, an emotion or another.

FER+: Barsoum et al. 2016, https://arxiv.org/abs/1608.01041. RAF-DB: Li et al. 2017,
https://doi.org/10.1109/CVPR.2017.277. AffectNet: Mollahosseini et al. 2017,
https://arxiv.org/abs/1708.03985.
"""

_REAL_WORDS = frozenset(("neural", "sacred", "raged"))
_MIN_LETTERS = 5


def _typos(word: str) -> set[str]:
    """Return a word with a letter behind the first missing, doubled or swapped with the next."""
    places = range(1, len(word))
    missing = {word[:i] + word[i + 1 :] for i in places}
    doubled = {word[:i] + word[i] + word[i:] for i in places[:-1]}
    swapped = {word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in places[:-1]}
    return missing | doubled | swapped


_KNOWN = {**{name: name for name in EMOTIONS}, **SYNONYMS}
_TYPOS = {
    typo: emotion
    for word, emotion in _KNOWN.items()
    if len(word) >= _MIN_LETTERS
    for typo in _typos(word) - _REAL_WORDS
}


def label_of(name: str) -> int | None:
    """Return the index of an emotion by its name, a synonym or a usual misspelling of one.

    In words of five letters or more, one letter behind the first may be missing, doubled or swapped
    with the next. None for any other name.

    Example:
        >>> label_of("Happiness")
        3
    """
    word = name.strip().lower()
    emotion = _KNOWN.get(word) or _TYPOS.get(word)
    return EMOTIONS.index(emotion) if emotion else None
