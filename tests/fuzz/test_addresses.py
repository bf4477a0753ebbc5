"""Whatever an address asks for, its page is shown without an exception.

Hypothesis draws the same examples each time.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dashboard.test_address import PARAMETERS, open_address
from tests.data.dataset_makers import noise, store_faces
from tests.fuzz.test_config import EXAMPLES

VALUES = st.text(max_size=20) | st.sampled_from(
    [
        *("faces", "custom_cnn", "resnet50v2", "test", "happy", "sad", "true", "New run", "Curves"),
        *("-1", "0", "14", "nan", "inf", "9" * 5000, "0.5", "null", "[]", "../..", "\0", "a&b=c"),
    ]
)


@st.composite
def addresses(draw: st.DrawFn) -> tuple[str, dict[str, list[str]]]:
    page = draw(st.sampled_from(sorted(PARAMETERS)))
    names = st.sampled_from(PARAMETERS[page]) | st.text(min_size=1, max_size=8)
    values = st.lists(VALUES, min_size=1, max_size=2)
    return page, draw(st.dictionaries(names, values, max_size=4))


@pytest.fixture
def faces() -> None:
    """A data set that addresses can name."""
    store_faces([noise(i) for i in range(14)], [i % 7 for i in range(14)], "test")


@pytest.mark.slow
@pytest.mark.usefixtures("faces")
@settings(EXAMPLES, max_examples=40)
@given(addresses())
def test_any_address_shows_its_page(address):
    page, parameters = address
    app = open_address(page, parameters)
    assert not app.exception, address
