"""Workers import what a submission needs, wherever Python is: in root's home, too, which others may not enter."""

import json
import os
import sys
import textwrap

import pytest

from autograder.sandbox.limits import Limits
from autograder.sandbox.linux import has_capability
from autograder.sandbox.reader import read_confined
from autograder.sandbox.remote_student import RemoteStudent
from autograder.submission import Cell, Submission, slice_submission
from tests.grader.conftest import run

CAP_SYS_ADMIN = 21
may_mount = pytest.mark.skipif(
    os.geteuid() != 0 or not has_capability(CAP_SYS_ADMIN), reason="only root can mount, and not in every container"
)


@pytest.mark.parametrize(
    "statement",
    [
        "import pandas\nassert pandas.Series([1, 2]).sum() == 3",
        "import email.mime.text, http.cookiejar, zoneinfo._zoneinfo, xml.dom.minidom, wsgiref.util",
        "assert 'Größe'.encode('cp1252').decode('cp1252') == 'Größe'",
        "assert '残差'.encode('gbk').decode('gb18030') == '残差'",
    ],
)
def test_a_worker_imports_what_is_installed(statement, zygote):
    cell = Cell("cell 1", f"def check():\n{textwrap.indent(statement, '    ')}\n    return 1\nBasicBlock = check()")
    student = RemoteStudent(slice_submission(Submission("a.ipynb", (cell,)), ("BasicBlock",)), Limits(), zygote)
    with student:
        assert student.problems == []
        assert student.defines("BasicBlock")


@pytest.mark.parametrize("encoding", ["cp1252", "shift_jis", "euc-kr", "gbk", "koi8-r"])
def test_a_reader_knows_every_encoding(encoding, zygote, tmp_path):
    path = tmp_path / "a.py"
    word = {"cp1252": "Größe", "shift_jis": "残差", "euc-kr": "잔차", "gbk": "残差", "koi8-r": "остаток"}[encoding]
    path.write_bytes(f"# -*- coding: {encoding} -*-\nNAME = '{word}'\nclass BasicBlock: name = NAME".encode(encoding))
    assert word in read_confined(path, zygote).slice.cells[0].source


IN_A_CLOSED_FOLDER = """
import json, os, sys
from pathlib import Path
from autograder.sandbox import reachable

closed, lib, link = map(Path, sys.argv[1:])
sys.path.append(str(link))
assert reachable._open_up([*reachable._existing([lib, closed / "utils.py"])])
os.setresuid(1234, 1234, 1234)
import from_a_closed_folder
files = sorted(str(path.relative_to(closed)) for path in closed.rglob("*"))
print(json.dumps([from_a_closed_folder.value, (closed / "utils.py").read_text(), files]))
"""


@may_mount
def test_nothing_else_of_a_closed_folder_is_there(tmp_path):
    closed, link = tmp_path / "closed", tmp_path / "closed" / "link"
    lib = closed / "python" / "lib"
    lib.mkdir(parents=True)
    (lib / "from_a_closed_folder.py").write_text("value = 3")
    (closed / "utils.py").write_text("utils")
    (closed / "secret").write_text("secret")
    link.symlink_to(lib)
    closed.chmod(0o700)
    done = run(sys.executable, "-c", IN_A_CLOSED_FOLDER, closed, lib, link)
    assert done.returncode == 0, done.stderr
    value, text, files = json.loads(done.stdout)
    assert (value, text) == (3, "utils")
    known = "from_a_closed_folder.py"
    assert files == ["link", f"link/{known}", "python", "python/lib", f"python/lib/{known}", "utils.py"]
    assert (closed / "secret").read_text() == "secret", "outside, everything is as it was"
    assert not (lib / "link").exists()


ALL_OF_IT = """
import sys
from autograder.sandbox.reachable import import_standard_library
import email, encodings, zoneinfo
import_standard_library()
print({"email.mime.text", "encodings.gbk", "zoneinfo._zoneinfo"} <= sys.modules.keys())
"""


def test_where_files_are_out_of_reach_the_standard_library_is_there():
    done = run(sys.executable, "-c", ALL_OF_IT)
    assert done.stdout == "True\n", done.stderr
