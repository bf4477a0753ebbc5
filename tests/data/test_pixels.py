import numpy as np
import pytest

from pipeline.data.readers.pixels import PixelError, parse_pixels
from tests.data.source_makers import pixels


def drawn_rows(count: int) -> tuple[list[str], np.ndarray]:
    values = np.random.default_rng(1).integers(0, 256, (count, 2304), dtype=np.uint8)
    return [" ".join(map(str, picture)) for picture in values], values.reshape(-1, 48, 48)


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 40])
def test_every_value_comes_back(count):
    rows, expected = drawn_rows(count)
    parsed = parse_pixels(rows)
    assert parsed.dtype == np.uint8 and parsed.shape == (count, 48, 48)
    np.testing.assert_array_equal(parsed, expected)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda text: f"  {text}  ", id="spaces around"),
        pytest.param(lambda text: text.replace(" ", "  "), id="two spaces"),
        pytest.param(lambda text: text.replace(" ", "\t"), id="tabs"),
        pytest.param(lambda text: "000" + text, id="leading zeros"),
        pytest.param(lambda text: "0" * 5000 + text, id="endless leading zeros"),
    ],
)
def test_unusual_writing_of_the_same_numbers_is_read(change):
    rows, expected = drawn_rows(20)
    rows[17] = change(rows[17])
    np.testing.assert_array_equal(parse_pixels(rows), expected)


@pytest.mark.parametrize("place", [0, 7, 15, 16, 19])
@pytest.mark.parametrize("bad", ["", " ", "7", pixels() + " 7", "300" + pixels()[1:], "é", "-7"])
def test_the_wrong_row_is_told(bad, place):
    rows, _ = drawn_rows(20)
    rows[place] = bad
    with pytest.raises(PixelError) as caught:
        parse_pixels(rows)
    assert caught.value.row == place


@pytest.mark.parametrize("word", ["256", "999", "1000", "0256", "1e2", "+7", "7.", "-0", "²"])
def test_what_is_no_value_is_named(word):
    with pytest.raises(PixelError, match="not a number from 0 to 255"):
        parse_pixels([f"{word} {pixels()[2:]}"])


def test_a_pixel_moved_to_the_next_row_is_not_overlooked():
    rows = [pixels()[2:], pixels() + " 7"]
    with pytest.raises(PixelError, match="2,303 pixels"):
        parse_pixels(rows)
