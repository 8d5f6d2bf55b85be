"""A style on its way to the workers: its files as bytes, named by their hash, under which each machine keeps them."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toonstream_engines import Style
from toonstream_engines.cache import cache_folder
from toonstream_engines.errors import InputError


@dataclass(frozen=True)
class PackedStyle:
    """files: by plain name. sha256: of the files' names and hashes."""

    name: str
    sha256: str
    files: Mapping[str, bytes]

    @classmethod
    def of(cls, style: Style) -> "PackedStyle":
        """Card, models and what proves them. Raises InputError where a file cannot be read or is not what it was."""
        files = {model.path.name: model.read() for model in style.models.values()}
        for name in ("card.toml", "parity.npz"):
            path = style.folder / name
            try:
                files[name] = path.read_bytes()
            except OSError as error:
                raise InputError(f"{path}: {error.strerror}") from error
        return cls(style.name, _hash(files), files)

    def unpack(self) -> None:
        """Into this machine's cache folder, unless it is there. Raises InputError where it came damaged; OSError."""
        folder = unpacked(self.sha256)
        if _is_whole(folder, self.sha256):
            return
        if _hash(self.files) != self.sha256:
            raise InputError(f"{self.name}: the style came damaged (sha256 differs)")
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
        try:
            for name, data in self.files.items():
                (part / name).write_bytes(data)
            shutil.rmtree(folder, ignore_errors=True)  # damaged
            try:
                part.rename(folder)
            except OSError:
                if not _is_whole(folder, self.sha256):  # another worker of this machine was first
                    raise
        finally:
            shutil.rmtree(part, ignore_errors=True)


def unpacked(sha256: str) -> Path:
    """Where a machine keeps the style of that hash."""
    return cache_folder() / "styles" / sha256[:32]


def _is_whole(folder: Path, sha256: str) -> bool:
    try:
        return _hash({name: (folder / name).read_bytes() for name in os.listdir(folder)}) == sha256
    except OSError:
        return False


def _hash(files: Mapping[str, bytes]) -> str:
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
