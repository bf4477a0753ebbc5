import subprocess
import sys
from collections.abc import Iterator

import pytest


@pytest.fixture
def other_process() -> Iterator[subprocess.Popen]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    yield process
    process.kill()
    process.wait()
