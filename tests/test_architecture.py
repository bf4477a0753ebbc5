"""The one way: labels → data → training → vision → evaluation → dashboard."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "models": {"models"},
    "pipeline.errors": set(),
    "pipeline.labels": set(),
    "pipeline.workspace": {"pipeline.errors"},
    "pipeline.processes": set(),
    "pipeline.jobs": set(),
    "pipeline.data": {"pipeline.data", "pipeline.labels"},
    "pipeline.runs": {"pipeline.labels", "pipeline.runs", "pipeline.training.config"},
    "pipeline.training": {
        "models", "pipeline.data", "pipeline.labels", "pipeline.runs",
        "pipeline.training",
    },
    "pipeline.vision": {"pipeline.data", "pipeline.labels", "pipeline.runs", "pipeline.vision"},
    "pipeline.evaluation": {
        "pipeline.data", "pipeline.evaluation", "pipeline.labels", "pipeline.runs",
        "pipeline.vision",
    },
    "pipeline.export": {
        "pipeline.data", "pipeline.runs", "pipeline.training", "pipeline.vision",
    },
    "pipeline.shipping": {
        "pipeline.data", "pipeline.export", "pipeline.labels", "pipeline.runs",
        "pipeline.training", "pipeline.vision",
    },
    "pipeline.cli": {"dashboard.report", "pipeline"},
    "pipeline.__main__": {"pipeline.cli"},
    "dashboard": {"dashboard", "models", "pipeline"},
}  # fmt: skip
EVERYWHERE = {"pipeline.errors", "pipeline.jobs", "pipeline.processes", "pipeline.workspace"}
TENSORFLOW_ALLOWED = "models/processor.py"  # what Keras does slowly with it on a processor
KERAS_ALLOWED = ("models/", "pipeline/training/", "pipeline/export.py")
SOURCES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("dashboard", "models", "pipeline")
    for path in (ROOT / folder).rglob("*.py")
)


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse((ROOT / source).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def belongs(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@pytest.mark.parametrize("source", SOURCES)
def test_imports_flow_one_way(source):
    module = source.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    if module == "pipeline":
        return
    part = max((p for p in ALLOWED if belongs(module, p)), key=len)
    allowed = ALLOWED[part] | (EVERYWHERE if part.startswith(("pipeline", "dashboard")) else set())
    ours = {
        name
        for name in imports(source)
        if name.split(".")[0] in {"dashboard", "models", "pipeline"}
    }
    wrong = {
        name
        for name in ours
        if not any(belongs(name, package) or belongs(package, name) for package in allowed)
    }

    assert not wrong


@pytest.mark.parametrize("source", SOURCES)
def test_tensorflow_is_named_in_one_module_and_keras_only_where_models_are_made(source):
    roots = {name.split(".")[0] for name in imports(source)}

    assert "tensorflow" not in roots or source == TENSORFLOW_ALLOWED
    assert "keras" not in roots or source.startswith(KERAS_ALLOWED)


@pytest.mark.parametrize("source", SOURCES)
def test_streamlit_stays_in_the_dashboard_and_out_of_the_charts(source):
    uses = any(name.split(".")[0] == "streamlit" for name in imports(source))

    assert not uses or (source.startswith("dashboard/") and "/charts/" not in source)


@pytest.mark.parametrize("source", SOURCES)
def test_only_resources_caches(source):
    assert (
        source.startswith("dashboard/resources/") or "st.cache_" not in (ROOT / source).read_text()
    )
