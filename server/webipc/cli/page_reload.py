"""Reloads pages when a file of theirs changes: `webipc dev` alone does that."""

from pathlib import Path

from webipc.mount import IpcMount


async def watch_pages(found: list[IpcMount]) -> None:
    """Let pages load themselves again when a file of theirs changes."""
    # Development alone needs it, and an application that is served otherwise may not have it.
    from webipc.cli.reloader import changes_of

    folders = {folder for mount in found for folder in _folders(mount)}
    if not folders:
        return
    # Folders, because many editors replace a file, and whoever watches the file itself would watch the old one.
    async for changes in changes_of(folders, lambda _, path: _concerns(found, path)):
        for mount in found:
            if any(_concerns([mount], path) for _, path in changes):
                mount.reload_pages()


def _folders(mount: IpcMount) -> list[Path]:
    pages = [mount.pages] if mount.pages is not None else []
    return [*pages, *(path.parent for path in mount.preload)]


def _concerns(found: list[IpcMount], path: str) -> bool:
    """Tell whether a file belongs to a page: it lies in its folder, or is one of its preload scripts."""
    changed = Path(path)
    return any(changed in mount.preload or _is_page(changed, mount.pages) for mount in found)


def _is_page(changed: Path, pages: Path | None) -> bool:
    """Tell whether a page may show a file: not what editors and version control keep beside it."""
    if pages is None or not changed.is_relative_to(pages):
        return False
    parts = changed.relative_to(pages).parts
    return not any(part.startswith(".") or part.endswith("~") for part in parts)
