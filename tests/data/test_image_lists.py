from pipeline.data.import_options import ImportOptions
from pipeline.data.importing import survey_source
from pipeline.labels import EMOTIONS
from tests.data.source_makers import noise_file, write_folder, write_tar, write_zip

NAMES = ("pictures/a b.png", "pictures/c.png", "pictures/d.png")
EXPECTED = {"pictures/a b": "happy", "pictures/c": "sad", "pictures/d": "fear"}
HEADLESS = "pictures/a b.png,happy\npictures/c.png,sad\npictures/d.png,fear"
SPLIT_LISTS = (("train", "happy", "sad"), ("test", "fear", "happy"))
VOTES = "0,8,1,0,1,0,0,0,0,0"


def source(folder, names, **lists: str):
    """A folder of images and lists, whose suffix is what follows `_` in their names."""
    files = {name: noise_file(seed) for seed, name in enumerate(names)}
    files |= {name.replace("__", "/").replace("_", "."): text for name, text in lists.items()}
    contents = {k: v.encode() if isinstance(v, str) else v for k, v in files.items()}
    return write_folder(folder, contents)


def emotions(faces) -> dict[str, str]:
    return {id: EMOTIONS[label] for id, label in zip(faces.ids.tolist(), faces.labels, strict=True)}


def splits(faces) -> dict[str, str]:
    return dict(zip(faces.ids.tolist(), faces.splits.tolist(), strict=True))


def test_a_list_may_have_its_columns_in_any_order_and_any_form(tmp_path, imported):
    lists = {
        "headless": HEADLESS,
        "image and emotion": f"image,emotion\n{HEADLESS}",
        "emotion first": "emotion;file\nHappy;a b.png\nsadness;c.png\nafraid;d.png\n",
        "an index and a score": (
            ",pth,label,score\n0,pictures/a b.png,happy,1\n1,c.png,sad,2\n2,d.png,fear,3"
        ),
        "names without suffix": "id,class\na b,happy\nc,sad\nd,fear\n",
        "paths of another machine": (
            'path,expression\n"C:\\x\\a b.png",happy\n/data/c.png,sad\n./d.png,fear'
        ),
        "spaces": "a b.png happy\nc.png sad\nd.png fear\n",
        "spaces, label first": "# a comment\nhappy a b.png\nsad c.png\nfear d.png\n",
        "tabs": "happy\ta b.png\nsad\tc.png\n\nfear\td.png",
        "UTF-16": f"Datei,Emotion\r\n{HEADLESS}".encode("utf-16"),
        "one column a class": (
            "filename, happy, sad, Fear\na b.png, 1, 0, 0\nc.png, 0, 1, 0\nd.png, 0, 0, 1"
        ),
        "other columns": "file,age,mood,sex\na b.png,3,happy,f\nc.png,0,sad,m\nd.png,1,fear,f\n",
        "two columns that agree": (
            "name,label,emotion\na b.png,3,happy\nc.png,4,sad\nd.png,2,fear\n"
        ),
    }
    for name, text in lists.items():
        assert emotions(imported(source(tmp_path / name, NAMES, list_csv=text))) == EXPECTED, name


def test_numbers_of_a_list_are_read_by_a_scheme_or_a_map(tmp_path, imported, refusal):
    text = "image,label\na b.png,4\nc.png,5.0\nd.png,2\n"
    folder = source(tmp_path / "a", NAMES, list_csv=text)
    assert "Unknown: 2, 4, 5.0." in refusal(folder)
    assert emotions(imported(folder, scheme="rafdb")) == EXPECTED
    said = {"4": "happy", "5": "sad", "2": "fear"}
    assert emotions(imported(folder, class_map=said)) == EXPECTED


def test_several_numbers_of_a_row_are_not_read_as_the_first(tmp_path, refusal):
    rows = "".join(f"{name} 0 28 113 226 141 22.9 {i}\n" for i, name in enumerate(NAMES[1:]))
    folder = source(tmp_path / "a", NAMES[1:], label_lst=rows)
    assert "which of its columns" in refusal(folder, scheme="fer2013")


def test_a_column_that_mostly_names_splits_is_never_overlooked(tmp_path, imported, refusal):
    text = "image,emotion,dataset\na b.png,happy,train\nc.png,sad,test\nd.png,fear,\n"
    folder = source(tmp_path / "a", NAMES, list_csv=text)
    assert "name no split" in refusal(folder)
    flags = "image,emotion,is_train\na b.png,happy,1\nc.png,sad,0\nd.png,fear,0\n"
    folder = source(tmp_path / "b", NAMES, list_csv=flags)
    assert "Unknown: 0, 1." in refusal(folder)
    faces = imported(folder, split_map={"1": "train", "0": "test"})
    assert faces.splits.tolist() == ["train", "test", "test"]


def test_lists_of_splits_mean_the_images_of_their_splits(tmp_path, imported):
    names = [f"{split}/{i}.png" for split in ("train", "test") for i in range(2)]
    lists = {f"{split}_csv": f"id,label\n0,{a}\n1,{b}\n" for split, a, b in SPLIT_LISTS}
    assert emotions(imported(source(tmp_path / "a", names, **lists))) == {
        f"{split}/{i}": emotion for split, *both in SPLIT_LISTS for i, emotion in enumerate(both)
    }


def test_the_list_of_rafdb_has_its_splits_and_prefers_aligned_faces(tmp_path, imported):
    names = [
        f"basic/Image/{kind}/{name}{end}.jpg"
        for kind, end in (("original", ""), ("aligned", "_aligned"))
        for name in ("train_00001", "test_0001")
    ]
    text = "train_00001.jpg 5\ntest_0001.jpg 4\n"
    folder = source(tmp_path / "a", names, basic__EmoLabel__listpatition_txt=text)
    faces = imported(folder, scheme="rafdb")
    aligned = "basic/Image/aligned/"
    assert emotions(faces) == {
        f"{aligned}test_0001_aligned": "happy", f"{aligned}train_00001_aligned": "sad",
    }  # fmt: skip
    assert faces.splits.tolist() == ["test", "train"]


def test_a_list_or_its_column_may_name_the_split(tmp_path, imported, refusal):
    column = "file,emotion,Usage\na b.png,happy,Training\nc.png,sad,PublicTest\nd.png,fear,VAL\n"
    expected = ["train", "public_test", "validation"]
    assert imported(source(tmp_path / "a", NAMES, l_csv=column)).splits.tolist() == expected

    parts = {"train_csv": "a b.png,happy\nc.png,sad", "test_csv": "d.png,fear\nd.png,fear"}
    files = imported(source(tmp_path / "b", NAMES, **parts))
    assert files.splits.tolist() == ["train", "train", "test"] and emotions(files) == EXPECTED

    only_names = {"train_txt": "sad/a.png", "val_txt": "sad/b.png"}
    folders = source(tmp_path / "c", ("sad/a.png", "sad/b.png"), **only_names)
    assert imported(folders).splits.tolist() == ["train", "validation"]

    unknown = source(tmp_path / "d", NAMES, l_csv=column.replace("VAL", "quiz"))
    assert "Unknown: quiz." in refusal(unknown)
    assert imported(unknown, split_map={"quiz": "test"}).splits.tolist()[2] == "test"

    both = source(tmp_path / "e", ("test/a.png",), train_csv="a.png,happy")
    assert "two splits, 'test' and 'train'" in refusal(both)


def test_ferplus_lists_give_the_majority_and_the_votes(tmp_path, imported, refusal):
    names = ("FER2013Train/fer0000000.png", "FER2013Train/fer0000001.png", "FER2013Test/fer2.png")
    texts = {
        "FER2013Train__label_csv": (
            f'fer0000000.png,"(0, 0, 48, 48)",{VOTES}\n'
            'fer0000001.png,"(0, 0, 48, 48)",5,5,0,0,0,0,0,0,0,0\n'
        ),
        "FER2013Test__label_csv": 'fer2.png,"(0, 0, 48, 48)",0,0,0,9,0,0,0,0,1,0\n',
    }
    faces = imported(source(tmp_path / "a", names, **texts))
    assert emotions(faces) == {"FER2013Test/fer2": "sad", "FER2013Train/fer0000000": "happy"}
    assert faces.splits.tolist() == ["test", "train"]
    assert faces.votes is not None and faces.votes[1].tolist() == [0, 8, 1, 0, 1, 0, 0, 0, 0, 0]

    header = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
    rows = f"Training,a.png,{VOTES}\nPrivateTest,b.png,0,0,0,0,0,0,0,9,0,0\nTraining,,{VOTES}\n"
    folder = source(tmp_path / "b", ("x/a.png", "x/b.png"), new_csv=f"{header}unknown,NF\n{rows}")
    assert "Unknown: contempt." in refusal(folder)
    assert splits(imported(folder, class_map={"contempt": "skip"})) == {"x/a": "train"}


def test_images_that_a_list_lacks_are_skipped_and_those_only_it_has_are_bad(
    tmp_path, imported, refusal
):
    folder = source(tmp_path / "a", (*NAMES, "pictures/more.png"), l_csv=HEADLESS)
    assert emotions(imported(folder)) == EXPECTED
    (folder / "l.csv").write_text(f"{HEADLESS}\ngone.png,sad\n")
    assert "'gone.png' is in l.csv, but not in the source" in refusal(folder)
    assert emotions(imported(folder, bad_files="any")) == EXPECTED


def test_a_list_that_contradicts_the_folders_itself_or_another_is_refused(
    tmp_path, imported, refusal
):
    names = ("happy/a.png", "sad/b.png")
    folder = source(tmp_path / "a", names, l_csv="image,label\na.png,joy\nb.png,fear\n")
    sentence = refusal(folder)
    assert "'sad/b.png' is fear, and its folder that it is sad" in sentence
    assert emotions(imported(folder, labels_from="lists"))["sad/b"] == "fear"
    assert emotions(imported(folder, labels_from="folders"))["sad/b"] == "sad"

    for number, (lists, words) in enumerate(
        (
            ({"l_csv": "x.png,happy\nx.png,sad"}, "twice and differently"),
            ({"k_csv": "x.png,happy", "l_csv": "x.png,sad"}, "remove one of the lists"),
            ({"l_csv": "image,look,gaze\nx.png,happy,sad"}, "look and gaze of l.csv contradict"),
            ({"l_csv": "image,age,size\nx.png,5,7"}, "which of its columns age and size"),
        )
    ):
        assert words in refusal(source(tmp_path / f"b{number}", ("p/x.png",), **lists)), lists
    twins = source(tmp_path / "c", ("p/x.png", "q/x.png"), l_csv="x.png,happy")
    assert "may be 'p/x.png' or 'q/x.png'" in refusal(twins)


def test_notes_and_legends_are_no_lists(tmp_path, imported):
    notes = {"readme_txt": "happy faces\n", "legend_csv": "file,label\nother.png,sad\n"}
    folder = source(tmp_path / "a", ("train/happy/a.png",), **notes)
    assert emotions(imported(folder)) == {"train/happy/a": "happy"}


def test_a_list_of_images_in_class_folders_is_not_asked_for_more_than_it_says(tmp_path, imported):
    names = ("train/happy/1.png", "train/sad/1.png", "test/sad/2.png", "test/sad/3.png")
    lists = {
        "sizes_csv": "image,width,height\n2.png,48,48\n3.png,48,48",
        "twins_csv": "image,label\n1.png,happy\n2.png,sad",
        "more_csv": "image,label\n2.png,sad\n3.png,sad\n4.png,sad\n5.png,sad",
        "numbers_csv": "image,label\n2.png,4\n3.png,4",
        "train_txt": "2.png\n3.png",
    }
    faces = imported(source(tmp_path / "a", names, **lists), bad_files="none")
    assert splits(faces) == {name[:-4]: name.split("/")[0] for name in names}


def test_texts_of_any_content_are_no_lists_and_break_nothing(tmp_path, imported):
    odd = {
        "a_csv": '"x.png\n' + "," * 9000,
        "b_txt": "\x00\x01 a.png " + "9" * 3000 + "\n" + '"' * 500,
        "c_csv": "a\n" + "b," * 4000 + "\na.png",
        "d_tsv": "",
        "e_txt": "\n\n#\n",
    }
    folder = source(tmp_path / "a", ("happy/a.png",), **odd)
    assert emotions(imported(folder)) == {"happy/a": "happy"}


def test_lists_are_read_from_archives_and_surveyed(tmp_path, imported):
    files = {name: noise_file(seed) for seed, name in enumerate(NAMES)}
    files["z.csv"] = HEADLESS.replace("fear", "7").encode()
    for packed in (write_zip(tmp_path / "a.zip", files), write_tar(tmp_path / "a.tgz", files)):
        found = survey_source(packed, ImportOptions(class_map={"7": "fear"})).classes
        meanings = {name: each.meaning for name, each in found.items()}
        assert meanings == {"happy": "happy", "sad": "sad", "7": "fear"}
        assert emotions(imported(packed, class_map={"7": "fear"})) == EXPECTED
