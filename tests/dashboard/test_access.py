"""Who may do what, on pages without a browser; tests/e2e/test_sign_in.py has one."""

import ast
import inspect
from pathlib import Path

import pytest
from streamlit import config
from streamlit.runtime.context import ContextProxy, StreamlitHeaders
from streamlit.testing.v1 import AppTest

from dashboard import actions, resources
from dashboard.access import allowed_path
from dashboard.public import without_paths
from pipeline.config.train_config import TrainConfig
from pipeline.data.store import dataset_names
from pipeline.errors import UserError
from pipeline.queue.settings import change_settings
from pipeline.runs import list_runs
from tests.dashboard.made_runs import make_run, make_running, open_run
from tests.dashboard.pages import HOME, button, labels, open_dataset, open_page, texts
from tests.test_architecture import imports, sources

PAGES = ("overview", "dataset", "train", "evaluate", "compare", "live")
SECRETS = {
    "auth": {"client_id": "x", "client_secret": "x", "server_metadata_url": "http://localhost/x"},
    "access": {"editors": ["Ann@Lab.org", "@editors.org"], "viewers": "bob@lab.org"},
}


def signed_in(email: str, **claims: object) -> dict[str, object]:
    return {"is_logged_in": True, "email": email, "email_verified": True, **claims}


def open_as(user: dict[str, object], page: str) -> AppTest:
    app = AppTest.from_file(HOME, default_timeout=60)
    app.secrets, app.user = SECRETS, user
    app.switch_page(f"app_pages/{page}.py")
    app.run()
    assert not app.exception
    return app


def reason() -> None:
    import streamlit as st

    from dashboard.access import read_only_reason, require_sign_in

    require_sign_in()
    st.caption(read_only_reason() or "may edit")


def test_only_verified_addresses_on_a_list_get_in_and_only_editors_may_edit():
    ann, bob = signed_in("ann@LAB.org"), signed_in("bob@lab.org")
    for user, expected in (
        ({"is_logged_in": False}, "Sign in to see"),
        (ann, "may edit"),
        (signed_in("anyone@Editors.org"), "may edit"),
        (signed_in("ann@lab.org", email_verified="true"), "may edit"),
        (bob, "signed in as a viewer"),
        (signed_in("eve@lab.org"), "eve@lab.org is on no list"),
        (signed_in("x@sub.editors.org"), "is on no list"),
        (signed_in("@editors.org@evil.org"), "is on no list"),
        (signed_in("ann@lab.org.evil.org"), "is on no list"),
        (signed_in("x@editorſ.org"), "without a verified address"),
        (ann | {"email_verified": False}, "without a verified address"),
        ({"is_logged_in": True, "email": "ann@lab.org"}, "without a verified address"),
        (signed_in(""), "without a verified address"),
    ):
        app = AppTest.from_function(reason)
        app.secrets, app.user = SECRETS, user
        shown = texts(app.run())
        assert expected in shown and not app.exception, user
        assert ("may edit" in shown) == (expected == "may edit"), user


def test_lists_and_sections_of_another_kind_let_nobody_in():
    auth = SECRETS["auth"]
    for secrets, expected in (
        ({"auth": auth, "access": {"editors": 5}}, "is on no list"),
        ({"auth": auth, "access": {"editors": {"ann": "ann@lab.org"}}}, "is on no list"),
        ({"auth": auth, "access": ["ann@lab.org"]}, "is on no list"),
        ({"auth": "x"}, "Sign in to see"),
    ):
        app = AppTest.from_function(reason)
        app.secrets, app.user = secrets, signed_in("ann@lab.org") if "access" in secrets else {}
        assert expected in texts(app.run()) and not app.exception, secrets


@pytest.mark.slow
def test_who_is_not_signed_in_or_on_no_list_sees_no_page(two_datasets):
    for user in ({"is_logged_in": False}, signed_in("eve@lab.org")):
        for page in PAGES:
            app = open_as(user, page)
            assert labels(app) in (["Sign in"], ["Sign out"]), page
            assert not app.selectbox and "plain" not in texts(app), page


def test_a_viewer_sees_the_pages_and_can_press_nothing_that_changes_something(two_datasets):
    run = make_run()
    for page, closed in (
        ("dataset", {"Import…", "Manage"}),
        ("train", {"Clone", "Edit…", "Extend…", "Delete…"}),
    ):
        for user, disabled in ((signed_in("bob@lab.org"), True), (signed_in("ann@lab.org"), False)):
            app = open_as(user, page)
            popovers = [block.proto.popover for block in app.get("popover")]
            found = {each.label: each.disabled for each in [*app.button, *popovers]}
            assert {label: found[label] for label in closed} == dict.fromkeys(closed, disabled)
            assert ("you are signed in as a viewer" in texts(app)) == disabled
            assert f"{user['email']}, {'viewer' if disabled else 'editor'}" in texts(app)
    change_settings(address="http://a-cluster:8265")
    for email, fields in (("bob@lab.org", []), ("ann@lab.org", ["http://a-cluster:8265"])):
        app = open_as(signed_in(email), "train")
        assert [each.value for each in app.text_input if each.label == "Cluster address"] == fields
    app = open_as(signed_in("bob@lab.org"), "train")
    app.session_state["train.view"] = "New run"
    app.run()
    assert "Start training" not in labels(app) and "Only editors" in app.info[0].value
    assert run.path.is_dir()


def test_without_sign_in_a_server_that_others_reach_is_read_only(served_at, monkeypatch):
    own = ("localhost", "127.0.0.1", "::1")
    for address, names, expected in (
        ("127.0.0.1", own, "may edit"),
        ("::1", own, "may edit"),
        ("localhost", own, "may edit"),
        ("127.0.0.1", (), "Others can reach"),
        ("127.0.0.1", ("*",), "Others can reach"),
        ("127.0.0.1", (*own, "emotions.example.org"), "Others can reach"),
        ("0.0.0.0", own, "Others can reach"),
        ("::", own, "Others can reach"),
        ("192.168.1.2", own, "Others can reach"),
        ("localhost.example.org", own, "Others can reach"),
        ("unix:///run/emotions.sock", own, "Others can reach"),
        (None, own, "Others can reach"),
    ):
        served_at(address, *names)
        assert expected in texts(AppTest.from_function(reason).run()), (address, names)
    served_at("127.0.0.1", *own)
    for header, value, expected in (
        ("X-Forwarded-For", "127.0.0.1", "may edit"),
        ("x-forwarded-for", "127.0.0.1, 203.0.113.7", "Others can reach"),
        ("X-Real-IP", "203.0.113.7", "Others can reach"),
    ):
        headers = StreamlitHeaders([(header, value)])
        monkeypatch.setattr(ContextProxy, "headers", headers)
        assert expected in texts(AppTest.from_function(reason).run()), value
    monkeypatch.setenv("EMOTION_PUBLIC", "1")
    assert "This server is public" in texts(AppTest.from_function(reason).run())


def test_a_read_only_server_says_so_on_each_page_and_once_in_the_terminal(
    served_at, two_datasets, capsys
):
    resources.print_once.clear()
    served_at("0.0.0.0", "localhost")
    for page in PAGES:
        assert "Others can reach this server" in texts(open_page(page, **{"from": "Photo"})), page
    assert capsys.readouterr().err.count("Others can reach this server") == 1


@pytest.mark.slow
def test_a_public_server_shows_no_paths_no_logs_and_no_error_details(empty_workspace, monkeypatch):
    run = make_run()
    failed = make_run(state="failed", message=f"{empty_workspace}/a.npy is damaged.")
    assert f"{empty_workspace}/a.npy is damaged." in texts(open_run(failed))
    message = f"{empty_workspace}/a b/x.npy is damaged; see '/etc/ssl/private/key.pem' and a/b"
    assert without_paths(message) == message and "loss 1.5" in shown(open_run(run))
    monkeypatch.setenv("EMOTION_PUBLIC", "1")
    config.set_option("client.showErrorDetails", "full")
    assert without_paths(message) == "…/a b/x.npy is damaged; see '…/key.pem' and a/b"
    assert open_run(failed).error[0].value.replace("\\", "") == "…/a.npy is damaged."
    assert "loss 1.5" not in shown(open_run(run)) and "Whole log" not in labels(open_run(run))
    open_page("overview")
    assert config.get_option("client.showErrorDetails") == "none"
    config.set_option("client.showErrorDetails", "full")


def shown(app: AppTest) -> str:
    return "\n".join(element.value for element in app.code)


def test_secrets_that_cannot_be_read_let_nobody_in(tmp_path, two_datasets):
    secrets = tmp_path / "secrets.toml"
    config.set_option("secrets.files", [str(secrets)])
    try:
        for content in (b"[auth\n", b"\xff", None):
            secrets.unlink(missing_ok=True)
            if content is None:
                secrets.symlink_to(tmp_path / "nowhere")
            else:
                secrets.write_bytes(content)
            app = open_page("dataset")
            assert "Nobody can sign in yet" in app.error[0].value and not labels(app)
    finally:
        config.set_option("secrets.files", [])


@pytest.mark.slow
def test_a_click_on_a_page_from_before_changes_nothing(served_at, two_datasets, started):
    def stop():
        return open_run(make_running())

    def delete():
        return open_run(make_run())

    def new_run():
        app = open_page("train")
        app.session_state["train.view"] = "New run"
        return app.run()

    def remove_dataset():
        app = open_dataset()
        return button(app, "Remove…").click().run()

    def audit():
        return open_dataset("Audit")

    for page, label in (
        (stop, "Stop after this epoch"),
        (delete, "Delete permanently"),
        (delete, "Save"),
        (delete, "Extend"),
        (new_run, "Start training"),
        (remove_dataset, "Remove permanently"),
        (remove_dataset, "Rename"),
        (audit, "Audit images"),
    ):
        served_at("127.0.0.1", "localhost")
        app = page()
        pressed = button(app, label).click()
        before = everything(list_runs(), dataset_names())
        served_at("0.0.0.0", "localhost")
        pressed.run()
        assert not app.exception, label
        assert everything(list_runs(), dataset_names()) == before and not started, label


def everything(runs, datasets):
    return datasets, [(run.state(), run.notes(), run.stop_path.exists()) for run in runs]


CHANGES = {
    *(
        "submit",
        "submit_experiment",
        "resume",
        "stop",
        "move",
        "set_max_parallel_runs",
        "set_engine",
    ),
    *("enqueue", "claim", "update_status", "remove", "change_notes", "create_run", "new_run"),
    *("rename_dataset", "remove_dataset", "remove_abandoned", "import_dataset"),
    *("exclude", "include", "remove_exclusions", "calibrate", "start", "cancel", "start_pipeline"),
    *("rmtree", "unlink", "rename", "write_text", "write_bytes", "write_json", "write_atomic"),
}
"""What changes a workspace, by the name of the function or method."""
HARMLESS = ("st.", "pd.", "actions.", "subset.exclude", "config.exclude")
FOR_ANYBODY = {
    "dashboard/resources/sessions.py": {"start", "rmtree"},  # deletes uploads of closed pages
    "dashboard/views/live/video.py": {"rmtree", "write_atomic"},  # a viewer's own upload
    "dashboard/views/live/webrtc.py": {"stop"},  # a viewer's own camera
    "dashboard/widgets/import_look.py": {"start"},  # a thread that reads an editor's upload
    "dashboard/widgets/import_jobs.py": {"rmtree", "rename"},  # inside what editors start
}


def test_a_click_that_the_browser_sends_twice_acts_once():
    def page():
        import streamlit as st

        from dashboard.access import for_editors

        done: list[str] = []
        act = for_editors(lambda subject: done.append(subject) or len(done))
        st.text([act(subject) for subject in "aabba"])
        st.text(done)

    app = AppTest.from_function(page).run()
    assert texts(app).split("\n") == ["[1, 1, 2, 2, 3]", "['a', 'b', 'a']"]


def test_pages_change_nothing_but_by_actions_for_editors():
    for source, tree in sources().items():
        if not source.startswith("dashboard/") or source == "dashboard/actions.py":
            continue
        guarded = {
            inner
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            and any(ast.unparse(each) == "for_editors" for each in function.decorator_list)
            for inner in ast.walk(function)
        }
        imported = {name.rpartition(".")[2] for name in imports(source)}
        used = {
            ast.unparse(node)
            for node in ast.walk(tree)
            if node not in guarded
            and (
                isinstance(node, ast.Attribute)
                or isinstance(node, ast.Name)
                and node.id in imported
            )
        }
        changes = {text.rpartition(".")[2] for text in used if not text.startswith(HARMLESS)}
        assert changes & CHANGES <= FOR_ANYBODY.get(source, set()), source


def test_every_action_is_for_editors_but_those_on_a_viewers_own_upload():
    own = {"start_own_job", "cancel_own_job", "with_allowed_weights"}
    for name, action in vars(actions).items():
        module = inspect.getmodule(inspect.unwrap(action)) if callable(action) else None
        mine = module is actions or hasattr(action, "__wrapped__")
        if inspect.isfunction(action) and mine and name not in own and name != "for_editors":
            assert action.__code__.co_name == "checked", name


def test_weights_by_path_stay_below_the_import_root(tmp_path, monkeypatch):
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("EMOTION_IMPORT_ROOT", str(root))
    (tmp_path / "outside.keras").write_bytes(b"")
    (root / "inside.keras").write_bytes(b"")
    (root / "link.keras").symlink_to(tmp_path / "outside.keras")
    monkeypatch.chdir(tmp_path)

    def allowed(weights: str) -> str:
        values = {"dataset": "x", "architecture": "vgg16", "model": {"weights": weights}}
        return actions.with_allowed_weights(TrainConfig.model_validate(values)).model.weights

    for weights in ("imagenet", "none", "resnet50v2", "no-such-model"):
        assert allowed(weights) == weights
    for weights in ("inside.keras", str(root / "inside.keras")):
        assert allowed(weights) == str(root / "inside.keras")
    for weights in (str(tmp_path / "outside.keras"), "../outside.keras", "link.keras"):
        with pytest.raises(UserError, match="not below"):
            allowed(weights)
    assert not Path(allowed("outside.keras")).is_file()  # it lies where the server was started
    assert allowed_path("inside.keras") == root / "inside.keras"
    monkeypatch.setenv("HOME", str(root))
    assert allowed_path("~/inside.keras") == root / "inside.keras"
