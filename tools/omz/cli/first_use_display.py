"""Downloads on first use, on standard error: what is fetched and from where, and a bar."""

from __future__ import annotations

from typing import TYPE_CHECKING

from omz.cli.printing import say
from omz.events import Event

if TYPE_CHECKING:
    from omz.cli.download_display import DownloadDisplay  # loads Rich, which few runs need


class FirstUseDisplay:
    """Display of the downloads of one model after another, made when the first begins."""

    def __init__(self) -> None:
        self._bars: DownloadDisplay | None = None

    def shows(self, event: Event) -> bool:
        """Show an event of a download; return False for any other event."""
        if self._bars is None and event.TYPE != "model_download_needed":
            return False
        from omz.download import events

        if isinstance(event, events.DownloadNeeded):
            say(event.line, err=True)
            self._open()
        elif isinstance(event, events.ModelEnd):
            self.close()
        elif self._bars is not None and not isinstance(event, (events.ModelBegin, events.FileSkipped)):
            self._bars.show(event)
        return True

    def _open(self) -> None:
        from omz.cli.download_display import DownloadDisplay

        self.close()
        self._bars = DownloadDisplay(err=True)
        self._bars.__enter__()

    def close(self) -> None:
        """Take the bars away."""
        if self._bars is not None:
            self._bars.__exit__()
            self._bars = None
