"""Take packages apart, forge them, put them together again, and let a lone copy of the verifier look."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from base64 import b64encode
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from forensics import standalone
from forensics.package.envelope import enveloped
from forensics.package.zipping import Sink
from jobs import keys

LIBRARY_FREE = "import sys; sys.modules['cryptography'] = None; import runpy; sys.argv = sys.argv[1:]; " \
    "runpy.run_path(sys.argv[0], run_name='__main__')"  # fmt: skip


def our_key() -> bytes:
    """The public key that signs here."""
    return keys.signer().public


class Stranger:
    """Somebody with a key of their own, and the same name for it."""

    def __init__(self) -> None:
        self.name = keys.signer().name
        self._key = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
        self.public = self._key.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """A signature."""
        return self._key.sign(message)


class Copy:
    """The files of a package, to be changed and put together again."""

    def __init__(self, path: Path) -> None:
        with zipfile.ZipFile(path) as package:
            self.files = {name: package.read(name) for name in package.namelist()}

    def values(self, name: str) -> list[Any]:
        """The lines of a file as values."""
        return [json.loads(line) for line in self.files[name].splitlines()]

    def put(self, name: str, values: list[Any]) -> None:
        """Write the lines of a file, each in its canonical form."""
        self.files[name] = b"".join(standalone.canonical(each).encode() + b"\n" for each in values)

    def edit(self, name: str, number: int, change: Callable[[Any], Any]) -> None:
        """Change one line, counted from 1."""
        values = self.values(name)
        changed = change(values[number - 1])
        values[number - 1] = values[number - 1] if changed is None else changed
        self.put(name, values)

    def manifest(self, change: Callable[[dict[str, Any]], Any]) -> None:
        """Change the manifest, in its one form."""
        told = json.loads(self.files[standalone.MANIFEST])
        change(told)
        self.files[standalone.MANIFEST] = standalone.pretty(told).encode()

    def zipped(self) -> bytes:
        """A package of these files in the one form, with the manifest as it is."""
        return self._written()[0]

    def resealed(self, signer: Any = None, *, manifest: bool = True) -> bytes:
        """The same with a manifest that names the files as they are, and signed anew if a signer is given."""
        if manifest:
            entries = self._written()[1]
            self.manifest(lambda told: told.update(files=entries))
        if signer is not None:
            self.manifest(lambda told: told.update(signer=standalone.vkey_of(signer.name, signer.public)))
            told = json.loads(self.files[standalone.MANIFEST])
            self.files[standalone.ENVELOPE] = enveloped(
                self.files[standalone.MANIFEST],
                told["job"]["id"],
                told["head"]["seq"],
                told["head"]["hash"],
                signer,
            )
        return self._written()[0]

    def checkpoint(self, signer: Any, leaf: str) -> None:
        """The same log with another leaf in the job's place, signed anew."""
        told = json.loads(self.files[standalone.INCLUSION])
        origin, size = self.files[standalone.CHECKPOINT].decode().split("\n")[:2]
        path = [bytes.fromhex(each) for each in told["path"]]
        root = standalone.root_of(standalone.leaf_hash(leaf.encode()), told["index"], int(size), path)
        assert root is not None
        text = f"{origin}\n{size}\n{b64encode(root).decode()}\n"
        signature = standalone.key_id(origin, signer.public) + signer.sign(text.encode())
        self.files[standalone.CHECKPOINT] = (
            f"{text}\n\u2014 {origin} {b64encode(signature).decode()}\n".encode()
        )
        self.files[standalone.INCLUSION] = standalone.pretty({**told, "leaf": leaf}).encode()

    def _written(self) -> tuple[bytes, list[dict[str, Any]]]:
        made = [(name, *_compressed(name, self.files[name])) for name in standalone.FILES]
        out, directory = bytearray(), bytearray()
        for name, packed, crc, entry in made:
            sizes = crc, len(packed), entry["size"]
            directory += standalone.central_header(name, *sizes, len(out))
            out += standalone.local_header(name, *sizes) + packed
        end = standalone.end_record(len(made), len(directory), len(out))
        return bytes(out + directory + end), [dict(entry) for _, _, _, entry in made[:-2]]


@lru_cache(maxsize=256)
def _compressed(name: str, content: bytes) -> tuple[bytes, int, dict[str, Any]]:
    """A file as the exporter writes it, with its checksum and its entry of the manifest: forgeries share most files."""
    out = io.BytesIO()
    sink = Sink(out, name)
    sink.write(content)
    sink.close()
    return out.getvalue()[-sink.packed :] if sink.packed else b"", sink.crc, sink.entry()


def alone(
    folder: Path, package: Path, *options: str, library: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run a copy of the verifier in a folder of its own, by a Python that sees nothing of ours."""
    empty = folder / "elsewhere"
    empty.mkdir(exist_ok=True)
    program = empty / "verify.py"
    program.write_bytes(Path(standalone.__file__).read_bytes())
    start = [sys.executable, "-I"] if library else [sys.executable, "-I", "-S", "-c", LIBRARY_FREE]
    command = [*start, str(program), str(package), *options]
    return subprocess.run(command, capture_output=True, text=True, cwd=empty, timeout=60, check=False)
