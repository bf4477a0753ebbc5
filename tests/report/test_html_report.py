import re

import pytest
from typer.testing import CliRunner

from pipeline import cli
from pipeline.errors import UserError
from pipeline.evaluation.predictions import load_predictions
from pipeline.evaluation.subset import EvaluationSubset
from pipeline.report.evaluation import Evaluation
from pipeline.report.evaluation_charts import EVALUATION_CHARTS
from pipeline.report.html_report import report_html
from pipeline.runs import Notes
from tests.data.dataset_makers import noise, store_faces
from tests.evaluation.makers import make_dataset, make_run


def report(run, dataset, with_faces=True) -> str:
    subset = EvaluationSubset("faces", dataset.fingerprint, "test")
    predictions = load_predictions(run, run.evaluation_path(dataset.fingerprint, "test"))
    return report_html(Evaluation(run, subset, predictions, dataset if with_faces else None))


def headings(page: str) -> list[str]:
    return re.findall(r"<h2>(.*?)</h2>", page)


def test_the_report_has_every_metric_and_listed_chart_and_the_worst_mistakes():
    dataset = make_dataset()
    run = make_run(dataset, skill=2.0)
    run.write_notes(Notes(name="<b>bold</b> $5 & more"))

    page = report(run, dataset)

    assert headings(page)[:-1] == ["By emotion", *EVALUATION_CHARTS]
    assert headings(page)[-1].startswith("Mistakes, most confident first")
    assert page.count("Plotly.newPlot(") >= len(EVALUATION_CHARTS)
    assert page.count('<img src="data:image/png;base64,') == int(headings(page)[-1].split()[-1])
    for metric in ("balanced accuracy", "weighted F1", "log loss", "expected calibration error"):
        assert metric in page
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?!data:)", page), (
        "self-contained"
    )
    assert "<b>bold</b>" not in page
    assert "&lt;b&gt;bold&lt;/b&gt; $5 &amp; more" in page

    page = report(run, dataset, with_faces=False)
    assert headings(page) == [
        "By emotion",
        *(name for name in EVALUATION_CHARTS if name != "Accuracy by slice"),
    ]
    assert "<img" not in page.split("</script>")[-1]


def test_metrics_without_train_duplicates_have_a_column():
    images = [noise(i) for i in range(28)]
    images[14:17] = images[:3]
    dataset = store_faces(images, splits=["train"] * 14 + ["test"] * 14)
    page = report(make_run(dataset), dataset)
    assert "<th>without train duplicates</th>" in page
    assert "<td>faces</td><td>14</td><td>11</td>" in page


@pytest.mark.slow
def test_the_command_writes_the_report_and_names_a_file_that_it_cannot_write(tmp_path):
    make_dataset(n=28)
    command = ["evaluate", "custom_cnn", "--dataset", "faces", "--split", "test", "--report"]
    file = tmp_path / "report.html"
    done = CliRunner().invoke(cli.app, [*command, str(file)])
    assert done.exit_code == 0 and "Confusion matrix" in file.read_text()
    refused = CliRunner().invoke(cli.app, [*command, str(tmp_path / "no" / "report.html")])
    assert isinstance(refused.exception, UserError)
    assert "cannot be written" in str(refused.exception)
