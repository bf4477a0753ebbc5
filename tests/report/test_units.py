from pipeline.report.units import (
    accuracy_with_interval,
    difference,
    duration,
    interval,
    percent,
    score,
    size,
)


def test_numbers_have_one_form_everywhere():
    for text, expected in (
        (duration(200), "3 min 20 s"),
        (duration(59.6), "1 min 0 s"),
        (duration(7260), "2 h 1 min"),
        (size(23_600_000), "23.6 MB"),
        (size(999), "999 B"),
        (percent(0.693), "69.3%"),
        (score(0.6634), "0.663"),
        (score(None), "–"),
        (interval((0.678, 0.708)), "67.8–70.8%"),
        (accuracy_with_interval(0.693, (0.678, 0.708)), "69.3% (67.8–70.8%)"),
        (difference(0.027, (-0.001, 0.038)), "+2.7 points (95% CI −0.1 to +3.8)"),
    ):
        assert text == expected
