"""The download of CIFAR-10, from a local server with a small archive: once, verified, complete or not at all."""

import hashlib
import http.server
import io
import pickle
import subprocess
import sys
import tarfile
import threading

import pytest
import torch

import utils
from tests.grader.conftest import ROOT

PATCH = "utils.URL, utils.ARCHIVE_MD5, utils.MD5 = {!r}, {!r}, {!r}\n"


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
    """Serves `body` on every path and counts the requests; `promised` is the length it claims."""

    def __init__(self, body: bytes):
        self.body, self.promised, self.requests = body, len(body), 0
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.requests += 1
                self.send_response(200)
                self.send_header("Content-Length", str(outer.promised))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, *_):
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/cifar-10-python.tar.gz"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server(files, monkeypatch):
    """A server of the small archive, which `utils` takes for the real one."""
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
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
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import utils\n"
        + PATCH.format(utils.URL, utils.ARCHIVE_MD5, utils.MD5)
        + f"print(utils.download_cifar10({str(tmp_path)!r}))"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert out == f"{tmp_path}\n"
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


def test_an_interrupted_download_leaves_nothing(server, tmp_path, monkeypatch):
    def fetch(url, to):
        to.write_bytes(server.body[:100])
        raise KeyboardInterrupt

    monkeypatch.setattr(utils, "_fetch", fetch)
    with pytest.raises(KeyboardInterrupt):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()


def test_a_connection_that_breaks_off_leaves_nothing(server, tmp_path):
    server.body = server.body[: len(server.body) // 2]
    with pytest.raises(utils.DataError) as raised:
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()
    assert "\n" not in str(raised.value)


def test_an_interruption_while_unpacking_leaves_nothing(server, tmp_path, monkeypatch):
    def unpack(tar, to, **_):
        tar.extract(tar.next(), to, filter="data")
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "extractall", unpack)
    with pytest.raises(KeyboardInterrupt):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()


def test_a_wrong_checksum_keeps_nothing(server, tmp_path, monkeypatch):
    monkeypatch.setattr(utils, "ARCHIVE_MD5", "0" * 32)
    with pytest.raises(utils.DataError, match=r"is not CIFAR-10 \(wrong checksum\). Try again; nothing was kept."):
        utils.download_cifar10(tmp_path)
    assert left(tmp_path) == set()


def test_an_incomplete_archive_keeps_nothing(server, files, tmp_path, monkeypatch):
    server.body = archive_of({name: data for name, data in files.items() if name != "test_batch"})
    server.promised = len(server.body)
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
    for remedy in ("utils.download_cifar10()", f"copy {utils.FOLDER} to {tmp_path}", "set CIFAR10_ROOT"):
        assert remedy in message
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
