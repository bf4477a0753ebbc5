"""Photos per second of the HTTP interface.

Run: python benchmarks/serve.py

Claim, on 2 idle cores, with the clients on the same cores: 640x480 JPEG photos of one face, sent by
four clients at a time, are answered at 25 per second or more, each with the face.
"""

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from time import perf_counter

import cv2
import numpy as np
import psutil
import skimage.data
from support.claims import check_bounds

CLIENTS, SECONDS = 4, 10.0
MIN_PER_S = 25


def main() -> None:
    """Print the measurement; exit 1 if the claim does not hold."""
    photo = np.full((480, 640, 3), 90, np.uint8)
    photo[70:370, 170:470] = skimage.data.astronaut()[:300, 80:380, ::-1]
    jpeg = cv2.imencode(".jpg", photo)[1].tobytes()
    words = (sys.executable, "-m", "pipeline", "serve", "--port", "0", "--rate", "0")
    with tempfile.TemporaryDirectory() as workspace:
        environment = {**os.environ, "EMOTION_WORKSPACE": workspace}
        environment.pop("EMOTION_API_TOKEN", None)
        with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                port = int(server.stdout.readline().split(":")[2].split("/")[0])
                send(port, jpeg, 1.0)  # loads the model
                begin, cpu_s = perf_counter(), cpu_seconds(server.pid)
                with ThreadPoolExecutor(CLIENTS) as clients:
                    took = list(clients.map(lambda _: send(port, jpeg, SECONDS), range(CLIENTS)))
                seconds, cpu_s = perf_counter() - begin, cpu_seconds(server.pid) - cpu_s
            finally:
                server.terminate()
    times = np.concatenate(took)
    print(
        f"{CLIENTS} clients, load {os.getloadavg()[0]:.1f}: p50 {1000 * np.median(times):.0f}, "
        f"p95 {1000 * np.quantile(times, 0.95):.0f} ms; "
        f"{1000 * cpu_s / len(times):.0f} ms of processor time per photo"
    )
    holds = check_bounds("photos per second", len(times) / seconds, at_least=MIN_PER_S)
    sys.exit(int(not holds))


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process so far."""
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def send(port: int, jpeg: bytes, seconds: float) -> list[float]:
    """Send a photo again and again on one connection; return how long each answer took."""
    connection, took = HTTPConnection("127.0.0.1", port, timeout=60), []
    end = perf_counter() + seconds
    while perf_counter() < end:
        begin = perf_counter()
        connection.request("POST", "/api/faces", jpeg)
        answer = connection.getresponse()
        content = answer.read()
        if answer.status != 200 or content.count(b'"box"') != 1:
            sys.exit(f"unexpected answer {answer.status}: {content[:200]!r}")
        took.append(perf_counter() - begin)
    connection.close()
    return took


if __name__ == "__main__":
    main()
