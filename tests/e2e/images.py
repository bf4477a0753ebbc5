"""Take the README's images from the running app: `make images`.

The data set is the synthetic sample; the face is scikit-image's astronaut (public domain).
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import skimage.data
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from scipy.spatial import KDTree
from sklearn.metrics import confusion_matrix

from pipeline.labels import COLORS, EMOTIONS
from pipeline.workspace import PROJECT
from tests.conftest import TRAIN, run_pipeline
from tests.e2e.browser import launch_with_webcam, serve, wait_ready, write_face_clip
from tests.e2e.plots import click_point

IMAGES = PROJECT / "docs" / "images"
WIDTH = 1440
COMMANDS = (
    "import sample --name sample",
    "audit sample",
    TRAIN,
    TRAIN.replace("--seed 7", "--seed 8"),
    "evaluate custom_cnn --dataset sample --split validation",
    "evaluate resnet50v2 --dataset sample --split validation",
)


def main() -> None:
    """Prepare a workspace, serve it, and write an image of each page."""
    expect.set_options(timeout=60_000)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        workspace = Path(folder) / "workspace"
        for command in COMMANDS:
            print(command)
            run_pipeline(command, workspace)
        runs = sorted(path.name for path in (workspace / "runs").iterdir())
        run_pipeline(f"speed custom_cnn resnet50v2 {' '.join(runs)}", workspace)
        clip = write_face_clip(Path(folder) / "face.mjpeg")
        browser = launch_with_webcam(playwright.chromium, clip)
        with serve(workspace, Path(folder) / "server.log") as server:
            take_all(browser, server.url, workspace / "runs" / runs[1])
        browser.close()


def take_all(browser: Browser, url: str, run: Path) -> None:
    """Write the image of each page, of Evaluate that of a run."""
    take_live(browser, url)
    take_photo(browser, url)
    with opened(browser, url, "", height=760) as page:
        save(page, "overview")
    with opened(browser, url, "dataset?view=Overview", height=980) as page:
        expect(page.locator(".js-plotly-plot .nsewdrag").first).to_be_attached()
        save(page, "dataset")
    with opened(browser, url, "train?train.view=New+run", height=1130) as page:
        save(page, "train")
    split = "dataset=sample&{0}_split=validation&{0}_view"
    evaluate = f"evaluate_model={run.name}&evaluate_{split.format('evaluate')}=Confusion"
    with opened(browser, url, f"evaluate?{evaluate}", height=1340) as page:
        label, predicted = most_confused(run)
        click_point(page, 0, predicted, label)
        expect(page.get_by_role("button", name=f"labeled {label}", exact=True)).to_be_visible()
        save(page, "evaluate")
    compare = f"compare_{split.format('compare')}=Metrics&compare_cost=time"
    with opened(browser, url, f"compare?{compare}", height=1200) as page:
        expect(page.locator(".js-plotly-plot .nsewdrag").first).to_be_attached()
        save(page, "compare")


def most_confused(run: Path) -> tuple[str, str]:
    """Return the label and the other emotion that a run predicts for it most often."""
    stored = np.load(next(run.glob("evaluation/*-validation/predictions.npz")))
    counts = confusion_matrix(stored["y_true"], stored["probabilities"].argmax(axis=1))
    np.fill_diagonal(counts, 0)
    label, predicted = np.unravel_index(counts.argmax(), counts.shape)
    return EMOTIONS[label], EMOTIONS[predicted]


def take_live(browser: Browser, url: str) -> None:
    """Write the image of the webcam after it has played for a while."""
    with opened(browser, url, "live", height=960) as page:
        component = page.frame_locator('iframe[title*="webrtc_streamer"]')
        component.get_by_role("button", name="START").click()
        card = page.get_by_text(re.compile(r"^Face \d+ · ")).first
        expect(card).to_be_visible()
        page.wait_for_timeout(25_000)
        expect(card).to_be_visible()
        save(page, "live")


def take_photo(browser: Browser, url: str) -> None:
    """Write the image of a photo on the Live page."""
    portrait = cv2.cvtColor(skimage.data.astronaut(), cv2.COLOR_RGB2BGR)
    photo = cv2.imencode(".png", portrait)[1].tobytes()
    with opened(browser, url, "live", height=860) as page:
        page.get_by_role("radio", name="Photo").click()
        page.locator("input[type=file]").set_input_files(
            [{"name": "astronaut.png", "mimeType": "image/png", "buffer": photo}]
        )
        expect(page.get_by_test_id("stDataFrame")).to_be_visible()
        save(page, "photo")


@contextmanager
def opened(browser: Browser, url: str, address: str, height: int) -> Iterator[Page]:
    """Open an address of the dashboard in a new tab."""
    context = browser.new_context(
        viewport={"width": WIDTH, "height": height}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto(f"{url}/{address}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    wait_ready(page)
    yield page
    context.close()


def save(page: Page, name: str) -> None:
    """Write what a page shows as a PNG of 256 colors, those of the emotions exact."""
    wait_ready(page)
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    page.mouse.move(WIDTH - 1, 1)
    page.wait_for_timeout(1_500)  # charts and images settle
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    reduce_colors(path)
    print(f"{path.relative_to(PROJECT)}: {path.stat().st_size / 1000:.0f} kB")


def reduce_colors(path: Path) -> None:
    """Rewrite a PNG with 256 colors, of which the emotions' and the most frequent are exact."""
    with Image.open(path) as screenshot:
        image = screenshot.convert("RGB")
    colors, index, counts = np.unique(
        np.asarray(image).reshape(-1, 3), axis=0, return_inverse=True, return_counts=True
    )
    exact = [list(bytes.fromhex(color[1:])) for color in COLORS.values()]
    frequent = colors[np.argsort(-counts)[:96]].tolist()
    left = 256 - len(exact) - len(frequent)
    blended = np.reshape(image.quantize(left).getpalette(), (-1, 3)).tolist()
    palette = np.array([*exact, *frequent, *blended], np.uint8)
    nearest = KDTree(palette).query(colors)[1].astype(np.uint8)
    reduced = Image.fromarray(nearest[index.reshape(image.height, image.width)], "P")
    reduced.putpalette(palette.tobytes())
    reduced.save(path, optimize=True)


if __name__ == "__main__":
    main()
