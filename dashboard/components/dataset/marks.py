"""A face's defects in a few words."""

from dashboard.components.dataset.known import KnownFaces
from pipeline.data.votes import MAJORITIES

_WORDS = {
    "identical": "twin",
    "near_identical": "near twin",
    "leaks": "leak",
    "conflicting_labels": "conflict",
    "flat": "flat",
    "not_a_face": "no face",
}


def marks(known: KnownFaces, face: int, finding: str | None = None) -> list[str]:
    """Return a word for each defect of a face, and the number of its group of twins.

    Args:
        known: what is known of the data set.
        face: its position in the data set.
        finding: the finding whose group is of interest.
    """
    audit = known.audit
    if audit is None:
        return []
    found = [name for name in audit.known() if audit.faces(name)[face]]
    words = [_WORDS[name] for name in found if name in _WORDS]
    if "doubtful" in found and known.majority is not None:
        words.append(f"FER+ {MAJORITIES[known.majority[face]]}")
    groups = audit.groups(finding) if finding else None
    return words if groups is None else [*words, f"group {groups[face] + 1}"]
