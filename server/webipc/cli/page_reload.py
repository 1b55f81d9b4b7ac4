"""Reloads the pages of an application when one of their files changes (`webipc dev`)."""

from pathlib import Path

from webipc.mount import IpcMount


async def watch_pages(found: list[IpcMount]) -> None:
    """Watch the folders of pages and the preload scripts; reload the pages of an IpcMain when one of its files changes.

    Runs until it is cancelled; returns at once when there is nothing to watch.
    """
    # Imported here, because only `dev` needs watchfiles: an application that is served otherwise may not have it.
    from webipc.cli.reloader import changes_of

    folders = {folder for mount in found for folder in _folders(mount)}
    if not folders:
        return
    # Folders, because many editors replace a file: a watch on the file itself would stay with the old one.
    async for changes in changes_of(folders, lambda _, path: _concerns(found, path)):
        for mount in found:
            if any(_concerns([mount], path) for _, path in changes):
                mount.reload_pages()


def _folders(mount: IpcMount) -> list[Path]:
    pages = [mount.pages] if mount.pages is not None else []
    return [*pages, *(path.parent for path in mount.preload)]


def _concerns(found: list[IpcMount], path: str) -> bool:
    """Tell whether a file is part of a page: it is in the folder of pages, or is a preload script."""
    changed = Path(path)
    return any(changed in mount.preload or _is_page(changed, mount.pages) for mount in found)


def _is_page(changed: Path, pages: Path | None) -> bool:
    """Tell whether a page may load a file. Hidden files and backups of editors are none, nor is what is in `.git`."""
    if pages is None or not changed.is_relative_to(pages):
        return False
    parts = changed.relative_to(pages).parts
    return not any(part.startswith(".") or part.endswith("~") for part in parts)
