"""The seven emotions of FER-2013, in its order, and how each is named and coloured everywhere.

Source: Goodfellow et al. 2013, "Challenges in Representation Learning",
https://arxiv.org/abs/1307.0414.
"""

EMOTIONS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

COLOURS = {
    "angry": "#D55E00",
    "disgust": "#009E73",
    "fear": "#7B4FB5",
    "happy": "#E69F00",
    "sad": "#0072B2",
    "surprise": "#CC79A7",
    "neutral": "#7F7F7F",
}

SYNONYMS = {
    "anger": "angry",
    "disgusted": "disgust",
    "fearful": "fear",
    "afraid": "fear",
    "scared": "fear",
    "happiness": "happy",
    "joy": "happy",
    "sadness": "sad",
    "surprised": "surprise",
    "neutrality": "neutral",
}


def label_of(name: str) -> int | None:
    """Return the index of an emotion by its name or a synonym, or None if there is no such one.

    Example:
        >>> label_of("Happiness")
        3
    """
    word = name.strip().lower()
    word = SYNONYMS.get(word, word)
    return EMOTIONS.index(word) if word in EMOTIONS else None
