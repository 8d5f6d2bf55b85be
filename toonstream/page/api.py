"""What the page shows and may change, as JSON."""

import json

from toonstream_engines.errors import UserError

from toonstream.controls import Controls
from toonstream.live.switch import Switch
from toonstream.page.recorder import Recorder

SWITCHES = ("effect", "mirror", "split", "paused")


class Api:
    """A session's controls, its recorder, and its source where that may be changed."""

    def __init__(self, controls: Controls, recorder: Recorder, switch: Switch | None) -> None:
        self._controls, self._recorder, self._switch = controls, recorder, switch

    def sources(self) -> dict[str, str]:
        """What may be chosen as the source: names, each with a title."""
        return self._switch.choices() if self._switch else {}

    def state(self) -> dict[str, object]:
        controls, recorder, switch = self._controls, self._recorder, self._switch
        return {
            "style": controls.style,
            "source": switch and {"name": switch.name, "wanted": switch.wanted, "failure": switch.failure},
            "faces": controls.faces,
            "recording": recorder.on,
            "recorded": recorder.message,
            **{name: getattr(controls, name) for name in SWITCHES},
            "figures": controls.figures(),
        }

    def change(self, body: bytes) -> str | None:
        """Change what the JSON object says. Returns what is wrong with it, if anything, and changes nothing then."""
        try:
            changes = json.loads(body)
        except (ValueError, RecursionError):
            return "This is no JSON."
        if not isinstance(changes, dict):
            return "Send a JSON object."
        for name, value in changes.items():
            if problem := self._problem(name, value):
                return problem
        if "recording" in changes:  # first, as it alone may fail
            begin_or_end = self._recorder.start if changes.pop("recording") else self._recorder.stop
            try:
                begin_or_end()
            except UserError as error:
                return str(error)
        for name, value in changes.items():
            if name == "style":
                self._controls.choose(value)
            elif name == "source" and self._switch:
                self._switch.choose(value)
            else:
                setattr(self._controls, name, value)
        return None

    def _problem(self, name: str, value: object) -> str | None:
        """What is wrong with a change, if anything is."""
        if name == "style":
            return None if value in self._controls.styles else "There is no such style."
        if name == "source":
            return None if value in list(self.sources()) else "There is no such source."
        if name == "faces":
            good = value is None or (type(value) is int and value >= 1)
            return None if good else "faces is a number from 1, or null for all."
        if name not in (*SWITCHES, "recording"):
            return f"There is nothing to change but style, source, faces, recording, {', '.join(SWITCHES)}."
        return None if isinstance(value, bool) else f"{name} is true or false."
