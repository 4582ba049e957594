"""Whose submission a file is: the same in every call, and never another student's."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from autograder.course.handins import Known, handins, missing, with_roster
from autograder.course.identity import LONGEST_NAME, identify, result_name
from autograder.course.platforms import as_iso
from autograder.course.roster import RosterProblem, parse_roster
from autograder.grading.find_submissions import find_submissions
from autograder.submission import fingerprint
from autograder.submission.exported import exported_name, split_exported

WHEN = datetime(2026, 11, 30, 10, 0, 45)
EXPORTED = exported_name("resnet", WHEN)
"""As the last cell of the notebook calls its zip."""
LAYOUTS = {
    "canvas": {
        "doejane_12345_67890_resnet.ipynb": "doejane_12345",
        "leelin_LATE_222_333_resnet-2.ipynb": "leelin_222",
        "anon_x7Yq2_444_my_model.py": "anon_x7Yq2",
        "doe-smithann_55_66_resnet_2026_11_27T10_00_00_123456.zip": "doe-smithann_55",
        f"kimkay_77_88_{EXPORTED}": "kimkay_77",
    },
    "moodle": {
        "Jane Doe_1234_assignsubmission_file_/resnet.ipynb": "Jane Doe_1234",
        "Lin Lee_1235_assignsubmission_file/resnet.ipynb": "Lin Lee_1235",
        "José Ñandú_1236_assignsubmission_file_/deep/er/work.py": "José Ñandú_1236",
        "Zoe_1_Zed_1237_assignsubmission_file_resnet.ipynb": "Zoe_1_Zed_1237",
    },
    "nbgrader": {
        "submitted/jane/ps1/resnet.ipynb": "jane",
        "submitted/lin/ps1/resnet.ipynb": "lin",
        "submitted/ada_l/ps1/old.py": "ada_l",
    },
    "nbgrader, one name": {"submitted/jane/ps1/resnet.ipynb": "jane", "submitted/lin/ps1/resnet.ipynb": "lin"},
    "sections, one name": {
        "section1/jane/hw3.ipynb": "section1/jane",
        "section1/lin/hw3.ipynb": "section1/lin",
        "section2/ann/hw3.ipynb": "section2/ann",
    },
    "folders": {
        "jane/ps1/resnet.py": "jane",
        "lin/ps1/resnet.py": "lin",
        "ann/hw 3/resnet-2.ipynb": "ann",
        "section1/ann/resnet_2026_11_27T10_00_00_123456.zip": "section1/ann",
        "bob/resnet.ipynb": "bob",
        f"kim/{EXPORTED}": "kim",
        f"section2/{exported_name('max', WHEN)}": "section2/max",
        f"section2/{exported_name('zoe', WHEN)}": "section2/zoe",
    },
    "flat": {"jane.ipynb": "jane", "lin.lee.py": "lin.lee", "résumé.zip": "résumé"},
    "gradescope": {"submission_101/resnet.ipynb": "submission_101", "submission_102/sub/a.py": "submission_102"},
}


def write(folder: Path, names, text: str = "x = 1\n") -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}# {name!a}\n", encoding="utf-8")
    return folder


def graded(*paths: Path, known=(), roster=None, folders=False):
    """Result name to file, as a call with these paths would grade them; and what a later call then knows."""
    counted, _ = handins(find_submissions(paths, folders, [one.path for one in known])[0], known, roster)
    assert len({one.name.casefold() for one in counted}) == len(counted)
    later = [Known(one.origin.key, tuple(one.origin.path.split("/")), fingerprint(one.file)) for one in counted]
    return {one.name: one.file for one in counted}, later


@pytest.mark.parametrize("layout", LAYOUTS)
def test_key_is_the_same_in_every_call(layout, tmp_path):
    """A class, then each file alone, then the class under another path, in the same results folder and in a new one."""
    names = LAYOUTS[layout]
    first = write(tmp_path / "class", names)
    other = write(tmp_path / "elsewhere" / "gpu" / "download (1)", names)
    whole, known = graded(first)
    expected = {result_name(tuple(key.split("/"))): first / name for name, key in names.items()}
    assert whole == expected
    for name, path in whole.items():
        assert list(graded(path, known=known)[0]) == [name]
        assert list(graded(other / path.relative_to(first), known=known)[0]) == [name]
    assert list(graded(other)[0]) == list(graded(other, known=known)[0]) == list(whole)


@pytest.mark.parametrize("layout", sorted(LAYOUTS.keys() - {"folders", "sections, one name"}))
def test_a_file_alone_has_its_key_without_earlier_results(layout, tmp_path):
    write(tmp_path, LAYOUTS[layout])
    for name, key in LAYOUTS[layout].items():
        assert list(graded(tmp_path / name)[0]) == [result_name(tuple(key.split("/")))]


def test_one_students_folder_given_alone(tmp_path):
    write(tmp_path / "class", ["jane/ps1/resnet.py", "lin/ps1/resnet.py"])
    for name in ("jane", "lin"):
        for path in (f"{name}", f"{name}/ps1", f"{name}/ps1/resnet.py"):
            assert list(graded(tmp_path / "class" / path)[0]) == [name]


@pytest.mark.parametrize("end", ["", "-1", " (1)", "_123456", "_123456-2"])
def test_the_name_of_an_exported_zip_is_recognized(end):
    stem = exported_name("my_net-2", WHEN).removesuffix(".zip") + end
    assert split_exported(stem) == ("my_net-2", "2026_11_30T10_00_45", end.removeprefix("_123456"))
    assert split_exported("resnet_2026") == ("resnet_2026", "", "")


def test_with_folders_one_exported_zip_is_the_folders(tmp_path):
    write(tmp_path, [f"jane/{EXPORTED}", "jane/notes.py", f"bob/{EXPORTED}"])
    assert list(graded(tmp_path, folders=True)[0]) == ["bob", "jane"]


def test_where_the_class_lies_changes_nothing():
    """Pure: only the end of the path counts."""
    for before in ((), ("home", "ta"), ("srv", "x", "y", "submission_7 old")):
        found = identify((*before, "class", "jane", "ps1", "resnet.py"), 3)
        assert (found.key, found.path) == (("jane",), ("jane", "ps1", "resnet.py"))


def test_a_unicode_form_is_no_other_student():
    composed, decomposed = "Jos\u00e9.ipynb", "Jose\u0301.ipynb"
    assert identify(("c", composed), 1).key == identify(("c", decomposed), 1).key


@pytest.mark.parametrize(
    ("names", "counts"),
    [
        (["doejane_1_20_resnet.ipynb", "doejane_1_35_resnet-2.ipynb", "doejane_1_90_resnet-3.ipynb"], 2),
        (["doejane_1_20_resnet.ipynb", "doejane_LATE_1_95_resnet-10.ipynb", "doejane_1_90_resnet-9.ipynb"], 1),
        (["doejane_1_100_resnet_2026_11_30T10_00_45.zip", "doejane_1_200_resnet_2026_11_30T11_30_05.zip"], 1),
        (["doejane_1_100_resnet_2026_11_30T10_00_45.zip", "doejane_1_200_resnet-2.ipynb"], 1),
        (["doejane_1_300_resnet_2026_11_30T10_00_45.zip", "doejane_1_200_resnet-2.ipynb"], 0),
        (["doejane_1_300_resnet.py", "doejane_1_200_resnet.ipynb"], 0),
        (["jane/resnet_2026_11_30T10_00_45.zip", "jane/resnet_2026_11_30T11_30_05.zip"], 1),
        (["doejane_1_20_resnet.ipynb", "doejane_1_21_utils.py"], 0),
        (["doejane_1_20_utils.py", "doejane_1_21_resnet.py"], 1),
        (["Jane_9_assignsubmission_file_resnet.ipynb", "Jane_9_assignsubmission_file_notes.py"], 0),
        (["jane/resnet.ipynb", "jane/resnet-2.ipynb"], 1),
        (["jane.ipynb", "jane.py"], 0),
    ],
)
def test_of_several_files_the_latest_counts(names, counts, tmp_path):
    write(tmp_path, names)
    found, _ = find_submissions([tmp_path])
    counted, others = handins(found)
    assert [one.file for one in counted] == [tmp_path / names[counts]]
    assert set(others) == found.keys() - {tmp_path / names[counts]}
    assert set(counted[0].origin.not_counted) == {path.relative_to(tmp_path).as_posix() for path in others}


def test_two_students_never_share_a_file(tmp_path):
    """Names that collide on some file system, or once they are joined, in any call."""
    names = ["a/b.py", "a__b.py", "a/_b.py", "a_/b.py", "a b.py", "a:b.py", "x/resnet.py", "x/y/resnet.py", "x/y/z.py"]
    write(tmp_path, [*names, "x" * 240 + ".py", "x" * 239 + "y.py", os.fsdecode(b"\xff.py"), os.fsdecode(b"\xfe.py")])
    found, _ = graded(tmp_path)
    assert len(found) == len(names) + 4
    assert all(len(name.encode()) <= LONGEST_NAME for name in found)


def test_folders_without_names_do_not_share_one(tmp_path):
    """`grade jane`, then `grade lin`: one results folder, two students."""
    write(tmp_path, ["jane/resnet.ipynb", "lin/resnet.ipynb", "lin/resnet (1).ipynb"])
    first, known = graded(tmp_path / "jane")
    second, _ = graded(tmp_path / "lin", known=known)
    assert not first.keys() & second.keys()


def test_a_result_keeps_its_key_when_the_folder_above_is_given(tmp_path):
    write(tmp_path / "class", ["section1/smith.ipynb", "section2/smith.ipynb"])
    section, known = graded(tmp_path / "class" / "section1")
    assert list(section) == ["smith"]
    whole, _ = graded(tmp_path / "class", known=known)
    assert whole == {name: path for name, path in whole.items() if "section" in path.parts[-2]}
    assert list(whole) == ["smith", "section2__smith"]


@pytest.mark.parametrize(
    ("folder", "key"),
    [
        ("Dr. Jane Doe_1234_assignsubmission_file_", "Dr. Jane Doe_1234"),
        ("submission_77", "submission_77"),
        ("submitted/jane/ps1", "jane"),
        ("submitted/j.doe", "j.doe"),
        ("jane", "jane"),
        ("jane/hw3", "jane"),
    ],
)
def test_a_folder_of_several_files_is_one_submission(folder, key, tmp_path):
    """As its only file would be, whether the class is given or the folder alone; handout files are nobody's."""
    copy = [f"{folder}/{name}" for name in ("autograder/contract.py", "lab/trainer.py", "utils.py")]
    write(tmp_path, [f"{folder}/work.ipynb", f"{folder}/notes.py", *copy, "other.py"])
    for path in (tmp_path, tmp_path / folder):
        counted, others = handins(find_submissions([path])[0])
        assert not others
        (one,) = [one for one in counted if one.origin.key != "other"]
        assert (one.file, one.origin.key) == (tmp_path / folder, key)


def test_a_folder_that_was_one_submission_still_is(tmp_path):
    """Alone and with the class, whatever made it one: --folders, or files with one name."""
    write(tmp_path / "class", ["jane/model.ipynb", "jane/blocks.py", "lin/hw3/net.ipynb", "lin/hw3/net-Copy1.ipynb"])
    write(tmp_path / "class", ["ann/a.py", "ann/b.py"])
    whole, known = graded(tmp_path / "class", folders=True)
    assert list(whole) == ["ann", "jane", "lin"]
    (tmp_path / "class").rename(tmp_path / "moved")
    for name, path in whole.items():
        alone = tmp_path / "moved" / path.relative_to(tmp_path / "class")
        assert graded(alone, known=known)[0] == {name: alone}
    assert list(graded(tmp_path / "moved", known=known)[0]) == list(whole)
    first, known = graded(tmp_path / "moved" / "lin")
    assert graded(tmp_path / "moved" / "lin" / "hw3", known=known)[0] == first


METADATA = """---
submission_101:
  :submitters:
  - :name: Jane Doe
    :sid: '9001'
    :email: jane@uni.example
  :created_at: 2026-11-20 21:14:07.5 Z
  :score: 10.0
submission_102:
  :submitters:
  - :name: Lin Lee
    :sid: '9002'
  - :name: Ada L
    :email: ada@uni.example
"""


def test_gradescope_names_the_students(tmp_path):
    write(tmp_path / "export", ["submission_101/resnet.ipynb", "submission_101/resnet.pdf", "submission_102/a.py"])
    (tmp_path / "export" / "submission_metadata.yml").write_text(METADATA)
    for paths in ([tmp_path / "export"], [tmp_path / "export" / f"submission_10{n}" for n in (1, 2)]):
        counted, _ = handins(find_submissions(paths)[0])
        assert [one.name for one in counted] == ["9001", "submission_102"]
        jane, group = (one.origin for one in counted)
        assert (jane.students[0].email, jane.submitted) == ("jane@uni.example", "2026-11-20 21:14:07+00:00")
        assert [student.name for student in group.students] == ["Lin Lee", "Ada L"]


def test_gradescope_metadata_in_the_students_folder(tmp_path):
    write(tmp_path, ["submission_101/resnet.ipynb"])
    entry = METADATA.split("submission_101:\n")[1].split("submission_102")[0]
    (tmp_path / "submission_101" / "metadata.yml").write_text(entry)
    assert handins(find_submissions([tmp_path])[0])[0][0].name == "9001"


def test_a_student_hands_in_as_nobody_else(tmp_path):
    """Gradescope's file counts, whatever a student's own metadata.yml says."""
    write(tmp_path, ["submission_101/resnet.ipynb", "submission_102/resnet.ipynb", "submission_103/resnet.ipynb"])
    (tmp_path / "submission_metadata.yml").write_text(METADATA)
    honest = {one.name for one in handins(find_submissions([tmp_path])[0])[0]}
    for folder in ("submission_102", "submission_103"):
        (tmp_path / folder / "metadata.yml").write_text(":submitters:\n- :name: Jane Doe\n  :sid: '9001'\n")
    counted, others = handins(find_submissions([tmp_path])[0])
    assert {one.name for one in counted} == honest
    assert not others


BOB = "submitters:\n- sid: bob\n  name: Bob B\n"
TAKEOVERS = {
    "Bob B_11_assignsubmission_file_/resnet.py": [
        "Mallory_12_assignsubmission_file_/Bob B_11_assignsubmission_file_resnet-9.py",
        "Mallory_12_assignsubmission_file_/Bob B_11_assignsubmission_file_/resnet-9.py",
        "Mallory_12_assignsubmission_file_/submitted/Bob B_11/ps1/resnet-9.py",
        "Mallory_12_assignsubmission_file_/submission_1/resnet-9.py",
    ],
    "bob/resnet.py": [
        "mallory/submission_1/resnet-9.py",
        "mallory/bob/resnet-9.py",
        "mallory/submitted/bob/resnet-9.py",
        "mallory/Bob_1_assignsubmission_file_/submission_1/resnet-9.py",
    ],
    "submitted/bob/ps1/resnet.py": [
        "submitted/mallory/ps1/bobb_12345_67890_resnet.py",
        "submitted/mallory/ps1/submission_1/resnet-9.py",
        "submitted/mallory/ps1/submitted/bob/ps1/resnet-9.py",
    ],
    "submission_11/resnet.py": [
        "submission_12/bobb_12345_67890_resnet.py",
        "submission_12/submission_11/resnet-9.py",
        "submission_12/Bob B_11_assignsubmission_file_resnet-9.py",
    ],
}


@pytest.mark.parametrize("folders", [False, True])
@pytest.mark.parametrize(("bob", "mallory"), [(bob, one) for bob, several in TAKEOVERS.items() for one in several])
def test_no_name_in_a_students_folder_makes_it_another_students(bob, mallory, folders, tmp_path):
    """In the class, with and without a roster, and alone once the class is graded."""
    write(tmp_path, [bob, mallory])
    folder = (tmp_path / mallory).parent
    for place in (folder, folder.parent) if bob == "bob/resnet.py" else ():
        (place / "metadata.yml").write_text(BOB)
    folders = folders and not bob.startswith("submitted")
    roster = parse_roster("id,name,login\n9001,Bob B,bob\n9002,Mallory,mallory\n")
    for students in (None, roster):
        counted, others = handins(find_submissions([tmp_path], folders)[0], (), students)
        assert not others
        whose = {str(one.file.relative_to(tmp_path)): one.origin for one in counted}
        assert whose.keys() == {bob, mallory}
        assert all(student.name != "Bob B" for student in whose[mallory].students)
        known = graded(tmp_path, roster=students, folders=folders)[1]
        alone, _ = handins(find_submissions([tmp_path / mallory])[0], known, students)
        assert [(one.origin.key, one.origin.students) for one in alone] == [
            (whose[mallory].key, whose[mallory].students)
        ]
        later = [with_roster(one, roster).students for one in whose.values()]
        assert [student.name for student in later[list(whose).index(mallory)]] in ([], ["Mallory"])


def test_a_copy_of_an_earlier_file_is_not_its_students(tmp_path):
    """bob hands in anew, and mallory hands in bob's old file under its old path."""
    write(tmp_path, ["bob/resnet.py"])
    known = graded(tmp_path)[1]
    (tmp_path / "mallory/bob").mkdir(parents=True)
    (tmp_path / "bob/resnet.py").rename(tmp_path / "mallory/bob/resnet.py")
    write(tmp_path, ["bob/resnet.py"], "x = 2\n")
    assert graded(tmp_path, known=known)[0]["bob"] == tmp_path / "bob/resnet.py"


@pytest.mark.parametrize(
    ("path", "key", "platform"),
    [
        ("submissions/Jane Doe_1234_assignsubmission_file_/resnet.ipynb", "Jane Doe_1234", "moodle"),
        ("assignment_77_export/submission_101/resnet.ipynb", "submission_101", "gradescope"),
        ("submitted/Jane Doe_1234_assignsubmission_file_/resnet.ipynb", "Jane Doe_1234", "moodle"),
        ("section1/Jane Doe_1234_assignsubmission_file_/resnet.ipynb", "section1/Jane Doe_1234", ""),
        ("section1/doejane_LATE_12345_67890_resnet.ipynb", "section1/doejane_12345", ""),
    ],
)
def test_folders_above_those_of_a_platform(path, key, platform):
    """One that is no name for work can be a student's, and is kept."""
    found = identify(("dl", *path.split("/")), len(path.split("/")))
    assert (found.name, found.platform, found.late) == (key, platform, "_LATE_" in path)


@pytest.mark.parametrize(
    ("name", "id"),
    [
        *(("a4_hw3.py", "a4"), ("jorg_muller_resnet.py", "b5"), ("Pat O'Brien - resnet.py", "c6")),
        *(("sam-smith_resnet_v2.py", "d7"), ("hw3_Jörg Müller.ipynb", "b5"), ("Max Main.py", "main7")),
        *(("resnet_90017.py", "90017"), ("max_main_final.py", "main7")),
        # A part of a name, a number that may count files, and two names.
        *(("resnet_7.py", ""), ("muller_hw3.py", ""), ("sam_smith_jones.py", ""), ("jorg_muller_sam_smith.py", "")),
    ],
)
def test_a_roster_knows_a_name_beside_the_word_for_the_work(name, id):
    students = ["a4,Ann Ace", "b5,Jorg Muller", "c6,Pat O'Brien", "d7,Sam Smith", "main7,Max Main", "90017,Eve", "7,Al"]
    roster = parse_roster("\n".join(["id,name", *students]))
    (one,), _ = handins({Path("/x/in") / name: Path("/x/in")}, (), roster)
    assert [student.id for student in one.origin.students] == [id] * bool(id)


def test_a_roster_goes_by_the_outermost_name_that_it_knows(tmp_path):
    write(tmp_path, ["section1/Lin Lee/9001/model.py", "Jane Doe/9002/model.py", "Kim/9002/model.py"])
    roster = parse_roster("id,name\n9001,Jane Doe\n9002,Lin Lee\n1,Kim\n2,Kim\n")
    counted, _ = handins(find_submissions([tmp_path])[0], (), roster)
    assert {one.origin.path.split("/")[-3]: [s.id for s in one.origin.students] for one in counted} == {
        "Jane Doe": ["9001"],
        "Kim": [],
        "Lin Lee": ["9002"],
    }


@pytest.mark.parametrize(
    "text",
    [
        "[" * 50_000,
        "a: &a [x, x]\nb: &b [*a, *a]\n:submitters:\n- :name: *b\n",
        ":submitters:\n- :sid: [9001]\n:created_at: 2026-01-01\n",
    ],
)
def test_metadata_that_a_student_made_to_break_the_grader(tmp_path, text):
    write(tmp_path, ["submission_101/resnet.ipynb"])
    (tmp_path / "submission_101" / "metadata.yml").write_text(text)
    assert handins(find_submissions([tmp_path])[0])[0][0].name == "submission_101"


@pytest.mark.parametrize("name", ["submission_metadata.yml", "submission_101/metadata.yml"])
def test_metadata_that_is_no_unicode_text(name, tmp_path):
    write(tmp_path, ["submission_101/resnet.ipynb"])
    (tmp_path / name).write_text('submission_101:\n  :submitters:\n  - {":name": "\\ud800", ":sid": "9\\udfff"}\n')
    (one,), _ = handins(find_submissions([tmp_path])[0])
    assert (one.origin.key, one.origin.students[0].name) == ("9?", "?")
    assert one.origin.model_dump_json()


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("Friday, 20 November 2026, 9:14 PM", "2026-11-20 21:14:00"),
        ("2026-11-20 21:14:07 -0800", "2026-11-20 21:14:07-08:00"),
        ("2026-11-20 21:14:07.5 Z", "2026-11-20 21:14:07+00:00"),
        ("2026-11-20T21:14:07+05:30", "2026-11-20 21:14:07+05:30"),
        ("2026-11-20 21:14:07 PST", "2026-11-20 21:14:07-08:00"),
        ("2026-07-20 21:14:07.123456 CEST", "2026-07-20 21:14:07+02:00"),
        ("2026-07-20 21:14 ACST", "2026-07-20 21:14:00+09:30"),
        ("2026-11-20 21:14:07 America/Los_Angeles", "2026-11-20 21:14:07-08:00"),
        ("2026-07-20 21:14:07 (America/Los_Angeles)", "2026-07-20 21:14:07-07:00"),
        ("2026-07-20T21:14:07-03:00[America/Argentina/Salta]", "2026-07-20 21:14:07-03:00"),
        ("2026-07-20 21:14:07 Atlantis/Port", "2026-07-20 21:14:07"),
        ("2026-07-20 21:14:07 CST", "2026-07-20 21:14:07"),
        ("20.11.2026", "2026-11-20 00:00:00"),
        ("2026-07-20 " + 300 * "A/" + "B", ""),
        *(
            (text, "")
            for text in ("", "-", "5", "5.5", "20261120", "1764000000", "10:00", "20 November", "May 2026", "soon")
        ),
    ],
)
def test_times_of_platforms(text, time, recwarn):
    assert as_iso(text) == time
    assert not recwarn


def test_broken_metadata_costs_nobody_a_grade(tmp_path):
    write(tmp_path, ["submission_101/resnet.ipynb"])
    for text in ("{", "- 1", "submission_101: 7", "submission_101:\n  :submitters: [3]\n  :created_at: soon"):
        (tmp_path / "submission_metadata.yml").write_text(text)
        assert handins(find_submissions([tmp_path])[0])[0][0].name == "submission_101"


def test_nbgraders_time_decides(tmp_path):
    write(tmp_path, ["submitted/jane/ps1/resnet.ipynb"])
    (tmp_path / "submitted/jane/ps1/timestamp.txt").write_text("2026-11-27 10:00:00.123456 UTC\n")
    counted, _ = handins(find_submissions([tmp_path])[0])
    assert counted[0].origin.submitted == "2026-11-27 10:00:00+00:00"


def test_a_time_that_a_student_wrote_does_not_count(tmp_path):
    write(tmp_path, ["class/jane/resnet.ipynb"])
    (tmp_path / "class/jane/timestamp.txt").write_text("2026-11-27 10:00:00 UTC\n")
    counted, _ = handins(find_submissions([tmp_path / "class"])[0])
    assert counted[0].origin.submitted == ""


CANVAS = """Student,ID,SIS User ID,SIS Login ID,Section,ResNet (77),Final Score
,,,,,Manual Posting,
    Points Possible,,,,,100,(read only)
"Doe, Jane",12345,u9001,jdoe,Tutorial 1,,
"Lee, Lin",222,u9002,lin@uni.example,Tutorial 2,,
"Ñandú, José",333,u9003,jn,"Tutorial 2, Tutorial 3",,
"Student, Test",999,,x,Tutorial 1,,
"""
MOODLE = """\
Identifier,Full name,ID number,Email address,Status,Grade,Maximum Grade,Grade can be changed,Last modified (submission)\
,Last modified (grade),Feedback comments
Participant 1234,Jane Doe,9001,jane@uni.example,Submitted for grading,,100.00,Yes,"Friday, 20 November 2026, 9:14 PM",-,
Participant 1235,Lin Lee,9002,lin@uni.example,No submission,,100.00,Yes,-,-,
Participant 1236,José Ñandú,9003,jose@uni.example,No submission,,100.00,Yes,-,-,
"""
GRADESCOPE = """First Name,Last Name,SID,Email,Role,Section
Jane,Doe,9001,jane@uni.example,Student,A
Lin,Lee,9002,lin@uni.example,Student,B
José,Ñandú,9003,jose@uni.example,Student,B
Tea,Aye,1,ta@uni.example,TA,
"""
TABLE = "id;name;email\n9001;Jane Doe;jane@uni.example\n9002;Lin Lee;\n9003;José Ñandú;\n"


@pytest.mark.parametrize(
    ("text", "platform"), [(CANVAS, "canvas"), (MOODLE, "moodle"), (GRADESCOPE, "gradescope"), (TABLE, "table")]
)
def test_rosters_are_recognized(text, platform):
    roster = parse_roster(text)
    assert roster.platform == platform
    names = [entry.student.name for entry in roster.students]
    assert [set(name.replace(",", "").split()) for name in names] == [
        {"Jane", "Doe"},
        {"Lin", "Lee"},
        {"José", "Ñandú"},
    ]
    assert [entry.student.id.lstrip("u") for entry in roster.students] == ["9001", "9002", "9003"]


@pytest.mark.parametrize(
    ("text", "file"),
    [
        (CANVAS, "doejane_12345_67890_resnet.ipynb"),
        (CANVAS, "whoever_12345_67890_resnet.ipynb"),
        (CANVAS, "jdoe/resnet.ipynb"),
        (MOODLE, "Jane Doe_1234_assignsubmission_file_/resnet.ipynb"),
        (MOODLE, "jane.ipynb"),
        (GRADESCOPE, "9001.ipynb"),
        (GRADESCOPE, "Doe Jane/resnet.ipynb"),
        (TABLE, "week1/jane_doe/final/model.py"),
    ],
)
def test_a_roster_knows_whose_file_it_is(text, file, tmp_path):
    write(tmp_path, [file, "stranger.ipynb"])
    roster = parse_roster(text)
    counted, _ = handins(find_submissions([tmp_path])[0], (), roster)
    students = {one.origin.key: [s.id.lstrip("u") for s in one.origin.students] for one in counted}
    assert sorted(map(tuple, students.values())) == [(), ("9001",)]
    absent = missing(roster, [one.origin for one in counted])
    assert [student.id.lstrip("u") for student in absent] == ["9002", "9003"]


def test_a_roster_names_the_student_of_several_files(tmp_path):
    write(tmp_path, ["jane.ipynb", "9001/resnet.ipynb"])
    found, known = graded(tmp_path, roster=parse_roster(GRADESCOPE))
    assert list(found) == ["9001"]
    assert list(graded(tmp_path / "9001", known=known)[0]) == ["9001"]


def test_a_name_of_two_students_stands_for_none(tmp_path):
    write(tmp_path, ["jane doe.ipynb"])
    roster = parse_roster("id,name\n1,Jane Doe\n2,Jane Doe\n")
    (one,), _ = handins(find_submissions([tmp_path])[0], (), roster)
    assert (one.name, one.origin.students) == ("jane doe", ())


def test_students_of_one_name_differ_by_github(tmp_path):
    text = "name,github\nJane Doe,jd1\nJane Doe,jd2\n"
    write(tmp_path, ["jd2/resnet.py"])
    roster = parse_roster(text)
    (one,), _ = handins(find_submissions([tmp_path])[0], (), roster)
    assert [student.id for student in one.origin.students] == ["jd2"]
    assert [student.id for student in missing(roster, [one.origin])] == ["jd1"]
    with pytest.raises(RosterProblem, match="Jane Doe stands there 2 times"):
        parse_roster(text.replace("jd2", "jd1"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is empty"),
        ("a,b\n1,2\n", "line 1: no header of a known roster"),
        ("id,name\n", "no student"),
        ("id,name\n1,A\n1,A\n", "stands there 2 times"),
    ],
)
def test_a_roster_that_cannot_be_used_is_said_in_one_line(text, words):
    with pytest.raises(RosterProblem, match=words) as caught:
        parse_roster(text)
    assert "\n" not in str(caught.value)
