"""Where relative paths of a program begin: in the folder of the file that names them, as links of a page do.

So it makes no difference in which directory the program was started. What is not there is looked for in the working
directory, where such paths began before.
"""

import inspect
import os
from pathlib import Path


def program_folder() -> Path | None:
    """Return the folder of the file whose code has called webipc; None where it has no file, as in an interpreter."""
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] != __name__.partition(".")[0]:
            file = frame.f_globals.get("__file__")
            return None if file is None else Path(file).absolute().parent
        frame = frame.f_back
    return None


def located(path: str | os.PathLike[str], folder: Path | None) -> Path:
    """Return an absolute path: that in the folder, unless only one in the working directory exists."""
    beside = Path.cwd() if folder is None else folder
    there, here = beside / path, Path(path).absolute()
    return here if here.exists() and not there.exists() else there
