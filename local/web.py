"""The web app on this machine.

`python -m local.web` builds; with arguments it runs npm in the app's folder (`python -m local.web run test`).
"""

import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path

from local.build import build_lock
from local.emulator import ROOT
from local.node import NodeError, NodePackage

APP = NodePackage(ROOT / "services" / "web")
DIST = APP.folder / "dist"
SOURCES_OF_THE_APP = ("index.html", "package-lock.json", "vite.config.ts", "public", "reference", "scripts", "src")
BUILT_FROM = (*(APP.folder / name for name in SOURCES_OF_THE_APP), ROOT / "clients" / "typescript" / "src")


def build() -> bool:
    """Install packages and build the app into ``DIST`` if something changed; return whether it did.

    Raises ``NodeError``.
    """
    with build_lock("web"):
        digest = _digest()
        stamp = DIST / ".built-from"
        if (DIST / "index.html").exists() and stamp.exists() and stamp.read_text() == digest:
            return False
        APP.npm("run", "build")
        stamp.write_text(digest)
        return True


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    for path in BUILT_FROM:
        yield from (each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]


def main() -> None:
    """Build, or run npm."""
    try:
        if sys.argv[1:]:
            APP.npm(*sys.argv[1:], show=True)
        else:
            print("Built into services/web/dist." if build() else "Nothing changed since the last build.")
    except NodeError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
