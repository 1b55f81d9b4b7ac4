"""PyInstaller's hook for the package `webipc`: the client and the pages, which no import leads to."""

from PyInstaller.utils.hooks import (  # type: ignore[import-untyped,unused-ignore]  # not needed to check this package
    collect_data_files,
)

datas = collect_data_files("webipc")
