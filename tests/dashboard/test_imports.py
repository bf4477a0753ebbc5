import subprocess
import sys

import pytest

from pipeline.workspace import PROJECT

PROGRAM = """
import sys
from unittest import mock
import cleanlab.filter  # which the pages import for label issues
from streamlit.testing.v1 import AppTest

pages = ("dataset", "train", "evaluate", "compare", "live")
with mock.patch("streamlit_webrtc.component.get_this_session_info", return_value=None):
    at = AppTest.from_file(sys.argv[1], default_timeout=120).run()
    assert at.title[0].value == "Emotion Detector" and not at.exception, at.exception
    for page in pages:
        at.switch_page(f"app_pages/{page}.py").run()
        assert at.title and not at.exception, (page, at.exception)
print(*sorted({name.split(".")[0] for name in sys.modules} & {"tensorflow", "keras", "torch"}))
"""


@pytest.mark.slow
def test_no_page_loads_tensorflow_or_keras(filled_workspace):
    home = str(PROJECT / "dashboard" / "Home.py")
    done = subprocess.run([sys.executable, "-c", PROGRAM, home], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
