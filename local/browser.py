"""The browser that the tests and the screenshots drive: a Chromium of this machine, or Debian's.

`python -m local.browser` installs one where there is none and it may (apt, as root or with sudo).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PACKAGES = ("chromium", "fonts-dejavu-core")
FLAGS = (
    "--no-sandbox",  # tests run as root in containers, and see nothing but our own pages
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HOW = "Install Chromium (apt install chromium · brew install --cask google-chrome), or set CHROMIUM to its path."


def find() -> str | None:
    """Return the path of a Chromium, or None."""
    for name in (os.environ.get("CHROMIUM", ""), *NAMES):
        if found := name and shutil.which(name):
            return found
    return str(MAC) if MAC.exists() else None


def install() -> None:
    """Install Debian's. Raises ``OSError`` or ``subprocess.CalledProcessError`` where that can't be done."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run([*sudo, "apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """See to it that there is a browser."""
    if find():
        return
    print("No Chromium here: installing Debian's")
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{error}\n{HOW}")


if __name__ == "__main__":
    main()
