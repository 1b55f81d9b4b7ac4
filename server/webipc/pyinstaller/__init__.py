"""What PyInstaller has to know to pack a program that uses webipc: it finds this folder by an entry point.

Must not know anything of webipc: PyInstaller imports it while it packs.
"""

from pathlib import Path


def hook_dirs() -> list[str]:
    """Return the folder of the hooks. The entry point `hook-dirs` of the group `pyinstaller40`."""
    return [str(Path(__file__).parent)]
