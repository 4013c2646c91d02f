"""The browser for tests and screenshots: a Chromium of this machine, or Debian's.

`python -m local.browser` installs Debian's if there is none (apt, as root or with sudo).
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
    "--no-sandbox",  # in containers, tests run as root; they only open our own pages
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
    """Install Debian's Chromium. Raises ``OSError`` or ``subprocess.CalledProcessError`` if that fails."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
        subprocess.run([*sudo, "apt-get", *command], env=environment, check=True, stdout=subprocess.DEVNULL)


def main() -> None:
    """Install Chromium if the machine has none."""
    if find():
        return
    print("No Chromium found: installing Debian's")
    try:
        install()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{error}\n{HOW}")


if __name__ == "__main__":
    main()
