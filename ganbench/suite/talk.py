"""What is said to whoever looks on while runs are done."""

from contextlib import suppress
from types import TracebackType

from rich.console import Console


class Talk(Console):
    """Goes on in silence when its listener has gone, or when its log has no room: no night shall depend on either."""

    def on_broken_pipe(self) -> None:
        self.quiet = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # what could not be written is written before the next words, if there is room then
            super().__exit__(kind, error, trace)
