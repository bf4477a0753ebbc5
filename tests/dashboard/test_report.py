import re
import shutil
import subprocess
import sys

import pytest

from dashboard.report import report_html
from pipeline.evaluation.predictions import load_predictions
from pipeline.runs import Notes
from tests.conftest import run_pipeline
from tests.data.dataset_makers import noise, store_faces
from tests.evaluation.makers import make_dataset, make_run


@pytest.fixture
def dataset():
    return make_dataset()


def report(run, dataset, with_faces=True) -> str:
    predictions = load_predictions(run, run.evaluation_path(dataset.fingerprint, "test"))
    return report_html(run, predictions, dataset if with_faces else None)


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_the_report_has_every_figure_chart_and_the_worst_mistakes(dataset):
    page = report(make_run(dataset, skill=2.0), dataset)
    assert headings(page)[:-1] == [
        "By emotion",
        "Confusion matrix",
        "Most confused pairs",
        "ROC curves, one emotion against the rest",
        "Precision and recall",
        "Reliability",
        "Accuracy by slice",
        "Learning curves",
    ]
    assert headings(page)[-1].startswith("Mistakes, most confident first")
    assert page.count("Plotly.newPlot(") >= 7
    assert page.count('<img src="data:image/png;base64,') == int(headings(page)[-1].split()[-1])
    for figure in ("balanced accuracy", "weighted F1", "log loss", "expected calibration error"):
        assert figure in page


def test_the_report_fetches_nothing(dataset):
    page = report(make_run(dataset), dataset)
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?!data:)", page)


def test_without_the_data_set_figures_and_charts_stay(dataset):
    page = report(make_run(dataset), dataset, with_faces=False)
    assert "Accuracy by slice" not in headings(page)
    assert "<img" not in page.split("</script>")[-1]
    assert "Reliability" in headings(page)


def test_what_people_wrote_is_shown_letter_by_letter(dataset):
    run = make_run(dataset)
    run.write_notes(Notes(name="<b>bold</b> $5 & more"))
    page = report(run, dataset)
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; $5 &amp; more" in page


def test_twins_of_training_faces_have_a_column_of_their_own():
    pictures = [noise(i) for i in range(28)]
    pictures[14:17] = pictures[:3]
    dataset = store_faces(pictures, splits=["train"] * 14 + ["test"] * 14)
    page = report(make_run(dataset), dataset)
    assert "<th>without twins of training faces</th>" in page
    assert "<td>faces</td><td>14</td><td>11</td>" in page


def test_a_report_loads_neither_streamlit_nor_keras():
    code = (
        "import sys, dashboard.report; "
        "print({'streamlit', 'keras', 'tensorflow'} & {m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_command_writes_the_report_and_names_a_file_that_it_cannot_write(trained, tmp_path):
    workspace = shutil.copytree(trained, tmp_path / "workspace")
    run = next((workspace / "runs").iterdir()).name
    command = f"evaluate {run} --dataset sample --split test --report"
    file = tmp_path / "report.html"
    run_pipeline(f"{command} {file}", workspace)
    assert "Confusion matrix" in file.read_text()
    refused = run_pipeline(f"{command} {tmp_path / 'no' / 'report.html'}", workspace, check=False)
    assert refused.returncode == 1
    assert "cannot be written" in refused.stderr and "Traceback" not in refused.stderr
