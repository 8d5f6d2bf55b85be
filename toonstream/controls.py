"""What can be changed and seen while a live session runs, by a window's keys or a page's buttons."""

from typing import Protocol


class Controls(Protocol):
    """A live session's handles; any thread may use them, and none of them waits.

    styles: what may be chosen, shipped names and folders. style: the one in use. effect: whether faces are cartoons;
    where it is False everybody sees the real ones, but for those that would not be drawn. Every session begins with
    True, and nothing but the user sets False. faces: how many are drawn, None for all; others are blurred. mirror,
    split, paused: whether the picture is mirrored; whether the sinks that only the user sees show half of it as it came
    (the others never do); whether it stands still.
    """

    styles: list[str]
    effect: bool
    faces: int | None
    mirror: bool
    split: bool
    paused: bool

    @property
    def style(self) -> str: ...

    def choose(self, style: str) -> None:
        """Starts to load a style beside the one in use, which goes on until the new one is ready.

        One that fails to load changes nothing; figures()["message"] then says why.
        """

    def figures(self) -> dict[str, object]:
        """What is happening now, ready for JSON.

        "fps": frames a second put out. "delay_ms": {"p50": ..., "p95": ...}, from capture to output, of the last
        seconds; None where there is none yet. "dropped": frames left out since the start, since newer ones came.
        "stages_ms": {stage: mean time}. "backend": the engine's description. "style": as above; "loading": the style
        on its way, or None. "faces": how many are seen. "state": "running", "idle" (nobody watches), "waiting" (the
        source gives nothing) or "stuck" (a stage does not come back). "size": [width, height]. "picture":
        what is shown: "live", "bare" (real faces, as effect is False), "held", "blurred", "still" or "paused".
        "message": the last problem for a person to read, or None.
        """
