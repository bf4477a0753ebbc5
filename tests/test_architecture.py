"""The one way of docs/architecture.md, and where heavy libraries may be imported."""

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
ONE_WAY = (
    "errors", "labels", "storage", "locks", "workspace", "network", "ice", "installation", "heaps",
    "jobs", "data", "config", "runs", "training", "queue", "vision", "evaluation", "registry",
    "report", "server", "cli", "__main__",
)  # fmt: skip
"""Each part of `pipeline` imports only from itself and from those before it."""


@cache
def sources() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text())
        for folder in ("dashboard", "models", "pipeline")
        for path in sorted((ROOT / folder).rglob("*.py"))
    }


def imports(source: str) -> set[str]:
    found = set()
    for node in ast.walk(sources()[source]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def may_import(source: str) -> set[str]:
    """Return our packages that a source may import from, such as `pipeline.data`."""
    top, *rest = Path(source).with_suffix("").parts
    if top == "models":
        return {"models"}
    if top == "dashboard":
        parts = ONE_WAY[: ONE_WAY.index("cli")]
        return {"dashboard", "models", *(f"pipeline.{part}" for part in parts)}
    parts = () if rest[0] == "__init__" else ONE_WAY[: ONE_WAY.index(rest[0]) + 1]
    return {f"pipeline.{part}" for part in parts} | ({"models"} if "config" in parts else set())


def test_imports_flow_one_way():
    for source in sources():
        imported = {
            ".".join(name.split(".")[: 2 if name.startswith("pipeline") else 1])
            for name in imports(source)
            if name.split(".")[0] in ("dashboard", "models", "pipeline")
        }
        assert imported <= may_import(source), source


def test_tensorflow_and_keras_are_imported_only_where_models_are_made():
    for source in sources():
        roots = {name.split(".")[0] for name in imports(source)}
        assert "tensorflow" not in roots or source == "models/cpu_ops.py", source
        makes_models = ("models/", "pipeline/training/", "pipeline/registry/")
        assert "keras" not in roots or source.startswith(makes_models), source


def test_streamlit_stays_in_the_dashboard():
    for source in sources():
        uses = any(name.split(".")[0] == "streamlit" for name in imports(source))
        assert not uses or source.startswith("dashboard/"), source


def test_only_resources_caches():
    for source, tree in sources().items():
        cached = any(
            isinstance(node, ast.Attribute) and node.attr in ("cache_data", "cache_resource")
            for node in ast.walk(tree)
        )
        assert not cached or source.startswith("dashboard/resources/"), source


def test_a_mistake_in_a_source_whose_cure_is_an_option_has_a_sentence_for_the_page():
    for source in sources():
        for node in ast.walk(sources()[source]):
            if source.startswith("pipeline/data/") and isinstance(node, ast.Call):
                is_error = isinstance(node.func, ast.Name) and node.func.id == "UserError"
                if is_error and re.search(" --[a-z]", "".join(map(ast.unparse, node.args))):
                    keywords = [keyword.arg for keyword in node.keywords]
                    assert "on_page" in keywords, (source, node.lineno)
