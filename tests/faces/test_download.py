import hashlib
import http.server
import io
import pathlib
import socket
import tarfile
import threading
import zipfile

import numpy as np
import pytest
from PIL import Image

from elic_tf.errors import DataError
from elic_tf.faces import celeba, download, transfer, utkface

CHECKSUMS = pathlib.Path(__file__).parents[2] / "data" / "checksums.txt"
QUOTA = b"<!DOCTYPE html><html><head><title>Google Drive - Quota exceeded</title></head></html>"
WARNING = (
    b'<!DOCTYPE html><html><form id="download-form" action="/confirmed" method="get">'
    b'<input type="hidden" name="id" value="a&amp;b"><input type="hidden" name="confirm" value="t"></form></html>'
)


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content` in a different way under each path, and records what it was asked."""

    def do_GET(self):
        content = self.server.content
        self.server.asked.append((self.path, self.headers.get("Range")))
        kind = self.path.split("?")[0].strip("/")
        if kind == "missing":
            return self.send_error(404)
        if kind == "busy":
            return self.send_error(429)
        if kind in ("quota", "page", "warning"):
            page = {"quota": QUOTA, "page": b"<html>hello</html>", "warning": WARNING}[kind]
            return self.answer(200, page, {"Content-Type": "text/html; charset=utf-8"})
        start = 0
        if (wanted := self.headers.get("Range")) and kind != "no-ranges":
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(content):
                return self.answer(416, b"", {"Content-Range": f"bytes */{len(content)}"})
        if kind == "wrong":
            content = content[:-1] + b"?"
        sent = content[start:]
        if kind == "cut" or (kind == "cut-once" and not start):
            sent = sent[: len(sent) // 2]
        headers = {"Content-Length": str(len(content) - start), "Content-Type": "application/octet-stream"}
        self.answer(206 if start else 200, sent, headers)
        if len(sent) < len(content) - start:
            self.connection.shutdown(socket.SHUT_RDWR)
        return None

    def answer(self, status, body, headers):
        self.send_response(status)
        for key, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.content = np.random.default_rng(0).bytes(600_000)
        server.asked = []
        server.at = lambda path: f"http://127.0.0.1:{server.server_port}/{path}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sha256(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def fetch(server, path, *kinds, checked=True):
    addresses = [server.at(kind) for kind in kinds]
    transfer.fetch(addresses, path, sha256(server.content) if checked else None)


def test_a_file_arrives_and_is_not_fetched_again(server, tmp_path):
    for _ in range(2):
        fetch(server, tmp_path / "file", "good")
    assert (tmp_path / "file").read_bytes() == server.content
    assert len(server.asked) == 1 and [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("missing", "HTTP 404 .moved or deleted"),
        ("busy", "HTTP 429 .too many downloads"),
        ("quota", "quota is used up; try again tomorrow"),
        ("page", "a web page, not the file"),
        ("wrong", "checksum differs"),
        ("cut", "cut off; run this again"),
    ],
)
def test_each_failure_is_said_and_the_next_address_tried(server, tmp_path, kind, reason):
    with pytest.raises(DataError, match=rf"file could not be downloaded \(127.0.0.1:\d+: .*{reason}"):
        fetch(server, tmp_path / "file", kind)
    assert not (tmp_path / "file").exists()
    fetch(server, tmp_path / "file", kind, "good")
    assert (tmp_path / "file").read_bytes() == server.content


def test_no_network(tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/file"
        with pytest.raises(DataError, match="no connection"):
            transfer.fetch([address], tmp_path / "file")


@pytest.mark.parametrize("checked", [True, False])
def test_a_cut_transfer_goes_on_where_it_stopped(server, tmp_path, checked):
    fetch(server, tmp_path / "file", "cut-once", checked=checked)
    assert (tmp_path / "file").read_bytes() == server.content
    assert [wanted for _, wanted in server.asked] == [None, f"bytes={len(server.content) // 2}-"]


def test_another_run_goes_on_where_the_last_stopped(server, tmp_path):
    (tmp_path / "file.part").write_bytes(server.content[:1000])
    fetch(server, tmp_path / "file", "good")
    assert server.asked == [("/good", "bytes=1000-")]
    assert (tmp_path / "file").read_bytes() == server.content


def test_a_server_without_ranges_starts_again(server, tmp_path):
    (tmp_path / "file.part").write_bytes(server.content[:1000])
    fetch(server, tmp_path / "file", "no-ranges")
    assert (tmp_path / "file").read_bytes() == server.content


@pytest.mark.parametrize("length", [1000, 600_000, 700_000])
def test_wrong_bytes_from_before_are_thrown_away(server, tmp_path, length):
    (tmp_path / "file.part").write_bytes(bytes(length))
    fetch(server, tmp_path / "file", "good")
    assert (tmp_path / "file").read_bytes() == server.content


def test_the_page_about_large_files_is_confirmed(server, tmp_path):
    fetch(server, tmp_path / "file", "warning")
    assert server.asked[1][0] == "/confirmed?id=a%26b&confirm=t"
    assert (tmp_path / "file").read_bytes() == server.content


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        for name, content in files.items():
            bundle.writestr(name, content)
    return out.getvalue()


def tarred(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as bundle:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            bundle.addfile(member, io.BytesIO(content))
    return out.getvalue()


@pytest.mark.parametrize("packed", [zipped, tarred])
def test_unpacking_drops_the_one_outer_folder(tmp_path, packed):
    (tmp_path / "bundle").write_bytes(packed({"Set/a.txt": b"a", "Set/sub/b.txt": b"b", "__MACOSX/c": b"c"}))
    transfer.unpack(tmp_path / "bundle", tmp_path / "out")
    found = {file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.txt")}
    assert found == {"a.txt", "sub/b.txt"}


@pytest.mark.parametrize("packed", [zipped, tarred])
@pytest.mark.parametrize("path", ["../evil.txt", "a/../../evil.txt", "/evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_paths_outside_are_refused(tmp_path, packed, path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "bundle").write_bytes(packed({"good.txt": b"good", path: b"evil"}))
    with pytest.raises(DataError, match="outside its folder: not unpacked"):
        transfer.unpack(tmp_path / "in" / "bundle", tmp_path / "in" / "out")
    assert [file.name for file in tmp_path.rglob("*") if file.is_file()] == ["bundle"]


def test_links_are_not_unpacked(tmp_path):
    with tarfile.open(tmp_path / "bundle", "w") as bundle:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        bundle.addfile(link)
        bundle.addfile(tarfile.TarInfo("empty.txt"), io.BytesIO())
    transfer.unpack(tmp_path / "bundle", tmp_path / "out")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["empty.txt"]


@pytest.mark.parametrize("packed", [zipped, tarred])
def test_a_damaged_archive_is_refused(tmp_path, packed):
    whole = packed({"a.bin": np.random.default_rng(0).bytes(5000)})
    (tmp_path / "bundle").write_bytes(whole[:2000])
    with pytest.raises(DataError, match="cannot be unpacked"):
        transfer.unpack(tmp_path / "bundle", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def picture(seed, size):
    out = io.BytesIO()
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), np.uint8)
    Image.fromarray(noise).resize(size).save(out, "JPEG")
    return out.getvalue()


def test_a_set_is_downloaded_unpacked_and_read(server, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))
    names = [f"{20 + i}_{i % 2}_0_2017011621485{i:04d}.jpg.chip.jpg" for i in range(5)]
    server.content = tarred({f"UTKFace/{name}": picture(i, (200, 200)) for i, name in enumerate(names)})
    archive = download.File("UTKFace.tar.gz", (server.at("quota"), server.at("good")), sha256(server.content), ".")
    monkeypatch.setitem(download.SOURCES, "utkface", download.Source("utkface", (archive,), "https://authors"))
    for _ in range(2):
        assert download.main(["utkface", "--root", str(tmp_path / "data")]) == 0
    assert "set ELIC_DATA" in capsys.readouterr().out
    assert len(server.asked) == 2
    assert sorted(utkface.load(tmp_path / "data", split="all", size=8).names) == names


def test_the_layout_of_celeba(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ELIC_CACHE", str(tmp_path / "cache"))
    server.content = zipped({f"img_align_celeba/00000{i}.jpg": picture(i, (178, 218)) for i in range(1, 4)})
    archive = download.File("img_align_celeba.zip", (server.at("good"),), None, "img_align_celeba")
    home = download.get("celeba", tmp_path, {"celeba": download.Source("celeba", (archive,), "https://authors")})
    columns = " ".join(f"A{i}" for i in range(40))
    rows = "".join(f"00000{i}.jpg {'1 ' * 40}\n" for i in range(1, 4))
    (home / "list_attr_celeba.txt").write_text(f"3\n{columns}\n{rows}")
    (home / "identity_CelebA.txt").write_text("".join(f"00000{i}.jpg {i}\n" for i in range(1, 4)))
    assert len(celeba.load(tmp_path, split="all", size=8)) == 3
    assert not list(home.glob("*.zip"))


def test_a_failure_says_what_to_do_by_hand(server, tmp_path, monkeypatch, capsys):
    archive = download.File("UTKFace.tar.gz", (server.at("missing"),), None, ".")
    monkeypatch.setitem(download.SOURCES, "utkface", download.Source("utkface", (archive,), "https://authors"))
    assert download.main(["utkface", "--root", str(tmp_path)]) == 2
    message = capsys.readouterr().err
    for part in ("404", "get UTKFace.tar.gz from https://authors", f"into {tmp_path / 'utkface'}", "set ELIC_DATA="):
        assert part in message
    assert message.count("\n") == 1


def test_the_published_checksums_are_the_listed_ones():
    listed = dict(reversed(line.split()) for line in CHECKSUMS.read_text().splitlines() if not line.startswith("#"))
    files = [file for source in download.SOURCES.values() for file in source.files]
    assert {file.name: file.checksum for file in files} == listed
