"""Screenshots of five built pages by headless Chromium, `make docs-shots`; without it, a line that says so."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

PAGES = ("index", "model", "gallery/index", "generated/commands", "generated/nbnumba")
PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


def main(site: Path) -> int:
    """Write shots/NAME.png beside the pages.

    Parameters
    ----------
    site : Path
        Folder of the built site.

    Returns
    -------
    int
        Exit status.
    """
    browser = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if browser is None:
        print(f"skipped: none of {', '.join(PROGRAMS)} is installed (Debian: apt-get install chromium)")
        return 0
    folder = site / "shots"
    folder.mkdir(exist_ok=True)
    for page in PAGES:
        target = folder / f"{page.replace('/', '_')}.png"
        subprocess.run(
            [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1280,1400",
             f"--screenshot={target}", (site / f"{page}.html").resolve().as_uri()],
            check=True, stderr=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip
        print(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
