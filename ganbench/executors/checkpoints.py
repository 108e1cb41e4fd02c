"""States of runs, kept where every machine can read them: in a folder, or where else fsspec reaches, as s3 and gs."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from ganbench.errors import BadResults, said
from ganbench.store.layout import STATE


class Checkpoint:
    """The state of one run; without a URL, none is kept."""

    def __init__(self, url: str, run: str):
        self.files: Any = None
        self.seen = 0  # when the state that is kept was written
        if url:
            self.files, folder = file_system(url)
            self.path = f"{folder.rstrip('/')}/{run}.pt"

    def fetch(self, workdir: Path) -> None:
        """Put what is kept into a workdir; nothing, if nothing is."""
        if self.files and self.files.exists(self.path):
            self.files.get_file(self.path, str(workdir / STATE))
            self.seen = (workdir / STATE).stat().st_mtime_ns

    def keep(self, workdir: Path) -> None:
        """Keep the workdir's state, whole or not at all, if it is a new one."""
        state = workdir / STATE
        with suppress(FileNotFoundError):  # the run has ended
            if self.files and state.stat().st_mtime_ns != self.seen:
                seen = state.stat().st_mtime_ns
                self.files.put_file(str(state), f"{self.path}.part")
                self.files.mv(f"{self.path}.part", self.path)
                self.seen = seen

    def forget(self) -> None:
        """Remove what is kept."""
        if self.files and self.files.exists(self.path):
            self.files.rm_file(self.path)


def file_system(url: str) -> tuple[Any, str]:
    """What writes to the folder that a URL names, and its path there; the folder is made. Raises BadResults."""
    import fsspec

    try:
        files, folder = fsspec.core.url_to_fs(url)
        files.makedirs(folder, exist_ok=True)
    except Exception as error:  # of a cloud's own library, or that it is not installed
        raise BadResults(f"No states can be kept in {url}: {said(error)}. Choose another folder or URL.") from error
    return files, folder
