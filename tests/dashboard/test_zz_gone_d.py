from tests.dashboard.test_dataset_overview import *
def test_a(faces):
    app=overview()
    app.selectbox(key="overview.light faces").set_value("public_test").run()
    from pipeline.data.store import remove_dataset
    remove_dataset("faces"); store_faces(IMAGES, LABELS, "train")
    app.run()
    print(app.exception, app.error, app.selectbox(key="overview.light faces").value)
    app.run(); print(app.exception)
    assert 0
