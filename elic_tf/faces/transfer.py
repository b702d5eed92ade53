"""Fetch a file from the first address that has it, resumed and checked; unpack an archive safely."""

import contextlib
import hashlib
import html
import http.client
import pathlib
import re
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile

from tqdm import tqdm

from elic_tf.errors import DataError

_ATTEMPTS = 3  # per address, each going on where the last one stopped
_TIMEOUT = 60  # seconds without a byte
_CHUNK = 1 << 18


def fetch(addresses, path, checksum=None) -> None:
    """Download to `path` from the first address that has the right file; DataError if none has."""
    path = pathlib.Path(path)
    if path.exists() and _matches(path, checksum):
        return
    part = path.with_name(path.name + ".part")
    failures = []
    for address in addresses:
        reason = _fetch_one(address, part, path.name, checksum)
        if reason is None:
            part.replace(path)
            return
        failures.append(f"{urllib.parse.urlsplit(address).netloc}: {reason}")
    raise DataError(f"{path.name} could not be downloaded ({'; '.join(failures)})")


def unpack(archive, folder) -> None:
    """Unpack the files of a zip or tar into `folder`, without the one folder they may all be in.

    DataError if it is damaged or holds a path outside; then nothing is left behind. Links are not unpacked.
    """
    archive, folder = pathlib.Path(archive), pathlib.Path(folder)
    with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".unpacking-") as work:
        inside = pathlib.Path(work, "files")
        try:
            for name, content in tqdm(_members(archive), desc=f"Unpacking {archive.name}", unit="file", disable=None):
                parts = pathlib.PurePosixPath(name.replace("\\", "/")).parts
                if parts[:1] == ("__MACOSX",):
                    continue
                if not parts or ".." in parts or parts[0] == "/" or ":" in parts[0]:
                    raise DataError(f"{archive.name} holds the path {name!r}, outside its folder: not unpacked")
                target = inside.joinpath(*parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("wb") as file:
                    shutil.copyfileobj(content, file)
        except (zipfile.BadZipFile, tarfile.TarError, EOFError, OSError) as error:
            raise DataError(f"{archive.name} cannot be unpacked: {error}") from None
        if not inside.is_dir():
            raise DataError(f"{archive.name} is empty")
        entries = list(inside.iterdir())
        if len(entries) == 1 and entries[0].is_dir():
            entries = list(entries[0].iterdir())
        folder.mkdir(parents=True, exist_ok=True)
        for entry in entries:
            target = folder / entry.name
            if target.is_dir():
                shutil.rmtree(target)
            entry.replace(target)


def _members(archive):
    """(path, open file) for each plain file of a zip or tar."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as bundle:
            for member in bundle.infolist():
                if not member.is_dir():
                    with bundle.open(member) as content:
                        yield member.filename, content
    else:
        with tarfile.open(archive) as bundle:
            for member in bundle:
                if member.isfile():
                    yield member.name, bundle.extractfile(member)


def _fetch_one(address, part, title, checksum):
    """Fill `part` from one address; None if that worked, else the reason in words."""
    for _ in range(_ATTEMPTS):
        resumed = part.exists() and part.stat().st_size > 0
        try:
            whole = _transfer(address, part, title)
        except urllib.error.HTTPError as error:
            if error.code == 416:  # nothing after what we have: it is whole, or of another file
                whole = True
            else:
                gone = " (moved or deleted)" if error.code in (404, 410) else ""
                busy = " (too many downloads; try again tomorrow)" if error.code in (403, 429) else ""
                return f"HTTP {error.code}{gone}{busy}"
        except urllib.error.URLError as error:
            return f"no connection ({error.reason})"
        except (http.client.HTTPException, OSError):  # in the middle of it
            whole = False
        except DataError as error:
            return str(error)
        if not whole:
            continue
        if _matches(part, checksum):
            return None
        part.unlink()
        if not resumed:
            return "not the known file (the checksum differs)"
    return "the transfer was cut off; run this again to go on from there"


def _transfer(address, part, title) -> bool:
    """Append to `part` what it lacks; True if all bytes announced have arrived. DataError for a web page."""
    have = part.stat().st_size if part.exists() else 0
    with contextlib.closing(_open(address, have)) as response:
        if "text/html" in response.headers.get("Content-Type", ""):
            page = response.read(1 << 16).decode("utf-8", "replace")
            if (confirmed := _confirmation(page, address)) is None:
                quota = "quota" in page.lower() or "too many users" in page.lower()
                raise DataError(
                    "its download quota is used up; try again tomorrow" if quota else "a web page, not the file"
                )
            response.close()
            response = _open(confirmed, have)
            if "text/html" in response.headers.get("Content-Type", ""):
                raise DataError("a web page, not the file")
        if response.status != 206:  # the server starts from the beginning
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        bar = tqdm(total=total, initial=have, desc=title, unit="B", unit_scale=True, disable=None)
        with response, bar, part.open("ab" if have else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        return total is None or part.stat().st_size == total


def _open(address, have):
    headers = {"User-Agent": "elic_tf"} | ({"Range": f"bytes={have}-"} if have else {})
    return urllib.request.urlopen(urllib.request.Request(address, headers=headers), timeout=_TIMEOUT)


def _confirmation(page, address):
    """The address behind "download anyway" on Google Drive's page about large files, else None."""
    form = re.search(r'<form[^>]*id="download-form"[^>]*action="([^"]+)"', page)
    if not form:
        return None
    fields = re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page)
    action = urllib.parse.urljoin(address, html.unescape(form[1]))
    return f"{action}?{urllib.parse.urlencode([(key, html.unescape(value)) for key, value in fields])}"


def _matches(path, checksum) -> bool:
    if checksum is None:
        return True
    kind, _, expected = checksum.partition(":")
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.new(kind, usedforsecurity=False)).hexdigest() == expected
