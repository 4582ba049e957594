"""The download of CIFAR-10, from a local server with a small archive: once, verified, complete or not at all."""

import hashlib
import http.server
import io
import multiprocessing
import pickle
import socket
import ssl
import subprocess
import tarfile
import threading
import urllib.error

import pytest
import torch
from filelock import FileLock

import utils
from lab import download
from tests.grader.conftest import mounted_disk

PART = ".cifar10.part.tar.gz"
"""The beginning of the archive, until all of it is there."""


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, bytes]:
    """The files of a small data set in CIFAR-10's layout."""
    root = utils.make_standin(tmp_path_factory.mktemp("standin"), 20, 10)
    return {name: (root / utils.FOLDER / name).read_bytes() for name in utils.MD5}


def archive_of(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(f"{utils.FOLDER}/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Server:
    """Serves `body` on every path and counts the requests.

    Args:
        promised: the length it claims; the true one when None.
        cuts: for the next requests, after how many bytes the connection breaks off.
        statuses: for the next requests, the answers in the place of the file.
        ranges: answer a request for the rest of the file with the rest.
    """

    def __init__(self, body: bytes):
        self.body, self.promised, self.requests, self.ranges = body, None, 0, True
        self.cuts: list[int] = []
        self.statuses: list[int] = []
        self.sent = 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                if outer.statuses:
                    self.send_error(outer.statuses.pop(0))
                    return
                start = int(self.headers.get("Range", "bytes=0-")[len("bytes=") : -1]) if outer.ranges else 0
                if start >= len(outer.body):
                    self.send_error(416)
                    return
                body = outer.body[start:]
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(body) if outer.promised is None else outer.promised))
                self.end_headers()
                body = body[: outer.cuts.pop(0)] if outer.cuts else body
                outer.sent += len(body)
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/cifar-10-python.tar.gz"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(files, monkeypatch):
    """A server of the small archive, which `utils` takes for the real one."""
    for name in ("CIFAR10_ROOT", "CIFAR10_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "RETRY_SECONDS", (0, 0, 0))
    server = Server(archive_of(files))
    monkeypatch.setattr(utils, "URL", server.url)
    monkeypatch.setattr(utils, "ARCHIVE_MD5", md5(server.body))
    monkeypatch.setattr(utils, "MD5", {name: md5(data) for name, data in files.items()})
    yield server
    server.http.shutdown()
    server.http.server_close()


def contents(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / utils.FOLDER).iterdir()}


def left(root) -> set[str]:
    """What lies in the folder, but for the lock."""
    return {path.name for path in root.iterdir()} - {".cifar10.lock"}


def test_download_gives_a_complete_checked_copy_once(server, files, tmp_path):
    root = tmp_path / "new" / "data"
    assert utils.download_cifar10(root) == root
    assert contents(root) == files
    assert left(root) == {utils.FOLDER}
    utils.download_cifar10(root)
    assert server.requests == 1, "a complete copy is not downloaded again"
    assert len(utils.Cifar10(root, train=True)) == 20


def test_several_processes_at_once_download_once(server, files, tmp_path):
    context = multiprocessing.get_context("fork")  # a new Python takes seconds to import PyTorch
    start = context.Barrier(3)

    def download_with_others() -> None:
        start.wait(300)
        assert utils.download_cifar10(tmp_path) == tmp_path

    processes = [context.Process(target=download_with_others) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert server.requests == 1
    assert contents(tmp_path) == files


def test_a_damaged_copy_is_named_and_downloaded_again(server, files, tmp_path, capsys):
    utils.download_cifar10(tmp_path)
    (tmp_path / utils.FOLDER / "data_batch_3").write_bytes(b"bad sector")
    utils.download_cifar10(tmp_path)
    folder = tmp_path / utils.FOLDER
    assert capsys.readouterr().out == (
        f"{folder}: the checksum of data_batch_3 in {folder} is wrong; downloading it again\n"
    )
    assert contents(tmp_path) == files
    assert server.requests == 2


def test_a_failed_download_does_not_touch_the_damaged_copy(server, tmp_path):
    utils.download_cifar10(tmp_path)
    (tmp_path / utils.FOLDER / "data_batch_3").write_bytes(b"bad sector")
    before = contents(tmp_path)
    server.body = server.body[:-1] + b"?"
    with pytest.raises(utils.DataError):
        utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == before


def test_an_interrupted_download_is_continued(server, tmp_path, monkeypatch):
    def fetch(url, to):
        to.write_bytes(server.body[:100])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(utils, "_fetch", fetch)
        with pytest.raises(KeyboardInterrupt):
            utils.download_cifar10(tmp_path)
    assert left(tmp_path) == {PART}
    utils.download_cifar10(tmp_path)
    assert left(tmp_path) == {utils.FOLDER}
    assert server.sent == len(server.body) - 100


def test_a_connection_that_breaks_off_is_taken_up_again(server, files, tmp_path, capsys):
    server.cuts = [100, 50, 0]
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files
    assert left(tmp_path) == {utils.FOLDER}
    assert (server.requests, server.sent) == (4, len(server.body))
    assert capsys.readouterr().out.count("Download of CIFAR-10: the connection broke off; trying again in 0 s") == 3


def test_a_connection_that_breaks_off_too_often_is_said_and_continued_by_the_next_call(server, files, tmp_path):
    server.cuts = [100, 0, 0, 0]
    with pytest.raises(utils.DataError, match="the connection broke off") as raised:
        utils.download_cifar10(tmp_path)
    assert "\n" not in str(raised.value)
    assert left(tmp_path) == {PART}
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files
    assert server.sent == len(server.body)


def test_without_internet_nothing_is_tried_again(server, tmp_path, monkeypatch, capsys):
    def no_such_name(*_, **__):
        raise urllib.error.URLError(socket.gaierror(-2, "Name or service not known"))

    monkeypatch.setattr("urllib.request.urlopen", no_such_name)
    with pytest.raises(utils.DataError, match=r"Name or service not known\. Is there internet here\?"):
        utils.download_cifar10(tmp_path)
    assert capsys.readouterr().out == ""


def test_a_server_that_cannot_send_the_rest_sends_all(server, files, tmp_path):
    server.cuts, server.ranges = [100], False
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files


def test_a_beginning_of_something_else_is_not_continued_for_ever(server, files, tmp_path):
    (tmp_path / PART).write_bytes(b"?" * (len(server.body) + 1))  # longer than the file: 416
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files
    (tmp_path / utils.FOLDER / "test_batch").unlink()
    (tmp_path / PART).write_bytes(b"?" * 10)
    with pytest.raises(utils.DataError, match="wrong checksum"):
        utils.download_cifar10(tmp_path)
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files


@pytest.mark.parametrize("promised", ["many", "-5", ""])
def test_a_length_that_is_none_does_not_matter(server, files, tmp_path, promised):
    server.promised = promised
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files


@pytest.mark.parametrize(
    ("statuses", "requests", "said"),
    [
        ([403] * 9, 1, "HTTP Error 403: Forbidden. The server does not give this file: try another address."),
        ([404] * 9, 1, "HTTP Error 404: Not Found. The server does not give this file"),
        ([503] * 9, 4, "HTTP Error 503: Service Unavailable. The server has a problem: try again later."),
        ([503, 429, 500], 4, ""),
    ],
)
def test_what_the_server_answers_is_said(server, tmp_path, statuses, requests, said):
    server.statuses = statuses
    if said:
        with pytest.raises(utils.DataError) as raised:
            utils.download_cifar10(tmp_path)
        assert said in str(raised.value)
        assert "Is there internet here?" not in str(raised.value)
        assert "\n" not in str(raised.value)
        assert "CIFAR10_URL" in str(raised.value)
    else:
        utils.download_cifar10(tmp_path)
    assert server.requests == requests


@pytest.mark.parametrize("wrapped", [True, False], ids=["while connecting", "while reading"])
def test_a_certificate_that_cannot_be_verified_is_said_at_once(server, tmp_path, monkeypatch, wrapped):
    certificate = ssl.SSLCertVerificationError(1, "certificate verify failed")
    tried = []

    def refuse(*args, **kwargs):
        tried.append(args)
        raise urllib.error.URLError(certificate) if wrapped else certificate

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    with pytest.raises(utils.DataError, match="The server's certificate cannot be verified: on macOS, run"):
        utils.download_cifar10(tmp_path)
    assert len(tried) == 1


@pytest.mark.parametrize("how", ["argument", "environment"])
def test_another_address_can_be_given(server, files, tmp_path, monkeypatch, how):
    monkeypatch.setattr(utils, "URL", "http://127.0.0.1:9/gone")
    if how == "environment":
        monkeypatch.setenv("CIFAR10_URL", server.url)
    utils.download_cifar10(tmp_path, url=server.url if how == "argument" else None)
    assert contents(tmp_path) == files


@pytest.fixture
def small_disk(tmp_path):
    """A folder on a disk of 64 kB."""
    with mounted_disk(tmp_path / "disk", "64k") as folder:
        yield folder


@pytest.mark.parametrize("archive", ["downloaded", "there"])
def test_a_full_disk_is_said(server, small_disk, tmp_path, archive):
    """While downloading, and while unpacking."""
    root = small_disk / "data"
    if archive == "there":
        root.mkdir()
        (root / utils.ARCHIVE).symlink_to(tmp_path / "archive.tar.gz")
        (tmp_path / "archive.tar.gz").write_bytes(server.body)
    with pytest.raises(utils.DataError) as raised:
        utils.download_cifar10(root)
    assert f"CIFAR-10 cannot be written to {root}: No space left on device" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert not (root / utils.FOLDER).exists()
    assert server.requests == (archive == "downloaded")


def test_a_folder_that_cannot_be_written_is_said(server, tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(utils.DataError, match=r"cannot be written to .*data: File exists"):
        utils.download_cifar10(tmp_path / "data")


def test_a_complete_copy_is_used_where_nothing_can_be_written(server, small_disk, monkeypatch):
    root = small_disk / "data"
    monkeypatch.setattr(utils, "MD5", {})  # a data set without files is complete, and fits on this disk
    (root / utils.FOLDER).mkdir(parents=True)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    assert utils.download_cifar10(root) == root
    assert left(root) == {utils.FOLDER}
    assert not (root / ".cifar10.lock").exists()


def test_scraps_of_a_killed_process_are_removed(server, tmp_path):
    (tmp_path / ".cifar10-abc" / utils.FOLDER).mkdir(parents=True)
    utils.download_cifar10(tmp_path)
    assert left(tmp_path) == {utils.FOLDER}


def test_an_archive_beside_the_data_is_used(server, files, tmp_path):
    (tmp_path / utils.ARCHIVE).write_bytes(server.body)
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files
    assert left(tmp_path) == {utils.FOLDER, utils.ARCHIVE}
    assert server.requests == 0


@pytest.mark.parametrize("named", ["the archive", "its folder"])
def test_an_archive_that_cifar10_root_names_is_used(server, files, tmp_path, monkeypatch, named):
    shared, root = tmp_path / "shared", tmp_path / "data"
    shared.mkdir()
    (shared / utils.ARCHIVE).write_bytes(server.body)
    monkeypatch.setenv("CIFAR10_ROOT", str(shared / utils.ARCHIVE if named == "the archive" else shared))
    assert utils.download_cifar10(root) == root
    assert contents(root) == files
    assert left(shared) == {utils.ARCHIVE}, "somebody else's folder is left alone"
    assert server.requests == 0


def test_a_damaged_archive_is_named(server, tmp_path):
    (tmp_path / utils.ARCHIVE).write_bytes(server.body[:-1])
    with pytest.raises(utils.DataError, match=rf"{utils.ARCHIVE} is damaged \(wrong checksum\): fetch it again"):
        utils.download_cifar10(tmp_path)


def test_the_first_releases_of_python_3_11_can_unpack(server, files, tmp_path, monkeypatch):
    """Until 3.11.3 `extractall` knows no filter."""
    extractall = tarfile.TarFile.extractall
    monkeypatch.setattr(
        tarfile.TarFile, "extractall", lambda tar, path=".", members=None, *, numeric_owner=False: extractall(tar, path)
    )
    utils.download_cifar10(tmp_path)
    assert contents(tmp_path) == files


def test_who_waits_for_another_process_is_told(server, tmp_path, capsys):
    with FileLock(tmp_path / ".cifar10.lock"):
        waiting = threading.Thread(target=utils.download_cifar10, args=[tmp_path])
        waiting.start()
        waiting.join(1)
        assert waiting.is_alive()
    waiting.join(60)
    assert f"Another process is getting CIFAR-10 into {tmp_path}. Waiting for it." in capsys.readouterr().out
    assert left(tmp_path) == {utils.FOLDER}


def test_an_interruption_while_unpacking_leaves_no_half_copy(server, tmp_path, monkeypatch):
    def unpack(tar, to, **_):
        tar.extract(tar.next(), to)
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "extractall", unpack)
    with pytest.raises(KeyboardInterrupt):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == {PART}, "the archive need not be downloaded again"


def test_a_wrong_checksum_keeps_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(utils, "ARCHIVE_MD5", "0" * 32)
    with pytest.raises(utils.DataError, match=r"is not CIFAR-10 \(wrong checksum\). Try again; nothing was kept."):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()


def test_an_incomplete_archive_keeps_nothing(server, files, tmp_path, monkeypatch):
    server.body = archive_of({name: data for name, data in files.items() if name != "test_batch"})
    monkeypatch.setattr(utils, "ARCHIVE_MD5", md5(server.body))
    with pytest.raises(utils.DataError, match=r"The archive is not complete: .* lacks test_batch"):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()


def test_without_network_one_line_names_the_remedies(server, tmp_path):
    server.http.shutdown()
    server.http.server_close()
    with pytest.raises(utils.DataError) as raised:
        utils.download_cifar10(tmp_path)
    message = str(raised.value)
    assert "\n" not in message
    root = f"set CIFAR10_ROOT to a folder that holds {utils.FOLDER} or {utils.ARCHIVE}"
    for part in (": Connection refused. Is there", "utils.download_cifar10()", root, "CIFAR10_URL"):
        assert part in message
    assert left(tmp_path) == set()
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__, "no traceback of the socket"


@pytest.mark.parametrize("inside", [False, True], ids=["the folder above", "the folder itself"])
def test_a_given_copy_is_used_without_network(server, tmp_path, monkeypatch, inside):
    utils.download_cifar10(tmp_path / "shared")
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path / "shared" / (utils.FOLDER if inside else "")))
    assert utils.download_cifar10(tmp_path / "elsewhere") == tmp_path / "shared"
    assert server.requests == 1
    assert not (tmp_path / "elsewhere").exists()


def test_a_given_copy_that_is_not_there_or_damaged_is_said(server, tmp_path, monkeypatch):
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    with pytest.raises(utils.DataError, match=r"CIFAR10_ROOT is .*, but there is no folder .* Point it to"):
        utils.download_cifar10()
    monkeypatch.delenv("CIFAR10_ROOT")
    utils.download_cifar10(tmp_path)
    (tmp_path / utils.FOLDER / "test_batch").unlink()
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    with pytest.raises(utils.DataError, match="lacks test_batch"):
        utils.download_cifar10()
    assert server.requests == 1, "somebody else's folder is left alone"


def test_stand_in_needs_no_checksum_and_says_what_it_is(tmp_path, monkeypatch, capsys):
    root = utils.make_standin(tmp_path, 12, 8)
    monkeypatch.setenv("CIFAR10_ROOT", str(root))
    assert utils.download_cifar10() == root
    assert utils.is_standin(root)
    utils.get_loaders(root, workers=0)
    assert "stand-in" in capsys.readouterr().out


def test_loaders_normalise_and_shuffle_by_the_seed(tmp_path):
    root = utils.make_standin(tmp_path, 40, 20)
    train, test = utils.get_loaders(root, train_batch=16, test_batch=20, workers=0, seed=1)
    same, _ = utils.get_loaders(root, train_batch=16, test_batch=20, workers=0, seed=1)
    images, labels = next(iter(test))
    raw = utils.Cifar10(root, train=False)
    expected = (raw.data[3] / 255 - utils.MEAN) / utils.STD
    torch.testing.assert_close(images[3].permute(1, 2, 0), torch.tensor(expected, dtype=torch.float32))
    assert labels.tolist() == raw.targets
    first, second = ([labels.tolist() for _, labels in loader] for loader in (train, same))
    assert first == second
    assert first != [labels.tolist() for _, labels in train], "another order in the next epoch"
    picture = utils.to_picture(images[3])
    torch.testing.assert_close(picture, torch.tensor(raw.data[3] / 255, dtype=torch.float32))


def test_a_data_file_that_wants_to_run_something_is_refused(tmp_path):
    root = utils.make_standin(tmp_path, 12, 8)

    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "ran"), "w"))

    (root / utils.FOLDER / "test_batch").write_bytes(pickle.dumps(Evil(), protocol=2))
    with pytest.raises(utils.DataError, match="wants to run"):
        utils.Cifar10(root, train=False)
    assert not (tmp_path / "ran").exists()
