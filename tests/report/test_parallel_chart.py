from pipeline.report.charts.parallel import parallel_coordinates


def test_values_are_in_order_and_evenly_spaced_and_the_color_is_the_accuracy():
    fields = {
        "learning rate": [0.1, 0.001, 0.01],
        "schedule": ["plateau", "cosine", None],
        "widths": [(8, 16), (8, 16), (4, 8)],
    }
    (lines,) = parallel_coordinates(fields, [0.6, 0.2, 0.4]).data
    rates, schedules, widths, accuracy = lines.dimensions
    assert (rates.label, list(rates.values)) == ("learning rate", [2, 0, 1])
    assert list(rates.ticktext) == ["0.001", "0.01", "0.1"]
    assert (list(schedules.values), list(schedules.ticktext)) == (
        [2, 1, 0],
        ["–", "cosine", "plateau"],
    )
    assert list(widths.ticktext) == ["4,8", "8,16"]
    assert list(accuracy.values) == list(lines.line.color) == [60, 20, 40]

    many = parallel_coordinates({"seed": list(range(100))}, [0.5] * 100).data[0]
    assert len(many.dimensions[0].tickvals) <= 12
