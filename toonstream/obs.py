"""The stream as a source in a running OBS, put there and taken out through OBS's own websocket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from toonstream_engines.errors import InputError, UserError
from toonstream_engines.install import install_extra

KIND = "ffmpeg_source"
"""What OBS calls a Media Source."""

PASSWORD_VARIABLE = "OBS_WEBSOCKET_PASSWORD"

WRONG_PASSWORD = 4009
"""The code with which obs-websocket closes a connection."""

ANSWER_SECONDS = 10.0

Ask = Callable[..., Awaitable[dict[str, Any]]]
"""ask(request, **data): what OBS answers."""

# FFmpeg's: no buffering to analyse the stream first.
LEAST_DELAY = "fflags=nobuffer flags=low_delay probesize={probesize} analyzeduration=0"


class WrongPasswordError(UserError):
    """The password for OBS is wrong or missing."""


def source_settings(address: str) -> dict[str, object]:
    """A Media Source's settings for the least delay.

    address: as `toonstream live` printed it, http://HOST:PORT/ (with its token) or tcp://HOST:PORT. Raises InputError.
    """
    try:
        parts = urlsplit(address)
        whole = bool(parts.hostname and parts.port)
    except ValueError:
        whole = False
    settings: dict[str, object] = {
        "is_local_file": False,
        "buffering_mb": 0,
        "hw_decode": False,  # which holds pictures back
        "reconnect_delay_sec": 1,
        "restart_on_activate": False,  # so that it is there at once where a scene shows it again
        "close_when_inactive": False,
        "clear_on_media_end": True,
    }
    if whole and parts.scheme == "http":
        return settings | {
            "input": f"{address.removesuffix('stream.nut').rstrip('/')}/stream.nut",
            "input_format": "nut",
            "ffmpeg_options": LEAST_DELAY.format(probesize=32),
        }
    if whole and parts.scheme == "tcp":
        return settings | {
            "input": f"tcp://{parts.netloc}?tcp_nodelay=1",
            "input_format": "mpegts",
            "ffmpeg_options": LEAST_DELAY.format(probesize=32768),  # enough for picture and sound
        }
    raise InputError(f"{address}: not an address that toonstream live printed, as http://127.0.0.1:8080")


def add(address: str, name: str, websocket: str, password: str) -> str:
    """Puts a source of that name into the scene that is on air, as large as it, or updates the one that is there.

    Returns what was done. Raises UserError where OBS cannot be reached or refuses; WrongPasswordError.
    """
    settings = source_settings(address)

    async def work(ask: Ask) -> str:
        scene = (await ask("GetCurrentProgramScene"))["currentProgramSceneName"]
        inputs = (await ask("GetInputList"))["inputs"]
        kinds = {one["inputName"]: one["inputKind"] for one in inputs}
        if kinds.get(name, KIND) != KIND:
            raise UserError(f"{name}: OBS has another kind of source of this name; choose another --name")
        if name in kinds:
            await ask("SetInputSettings", inputName=name, inputSettings=settings, overlay=False)
            items = (await ask("GetSceneItemList", sceneName=scene))["sceneItems"]
            if any(item["sourceName"] == name for item in items):
                return f"{name}: updated in OBS's scene {scene}"
            item = await ask("CreateSceneItem", sceneName=scene, sourceName=name)
        else:
            new = {"inputName": name, "inputKind": KIND, "inputSettings": settings}
            item = await ask("CreateInput", sceneName=scene, **new)
        video = await ask("GetVideoSettings")
        fitted = {
            "boundsType": "OBS_BOUNDS_SCALE_INNER",
            "boundsWidth": video["baseWidth"],
            "boundsHeight": video["baseHeight"],
        }
        number = item["sceneItemId"]
        await ask("SetSceneItemTransform", sceneName=scene, sceneItemId=number, sceneItemTransform=fitted)
        return f"{name}: added to OBS's scene {scene}"

    return asyncio.run(_with_obs(websocket, password, work))


def remove(name: str, websocket: str, password: str) -> str:
    """Takes the source of that name out of all scenes. Raises UserError where OBS has none; the rest as for `add`."""

    async def work(ask: Ask) -> str:
        inputs = (await ask("GetInputList", inputKind=KIND))["inputs"]
        if not any(one["inputName"] == name for one in inputs):
            raise UserError(f"{name}: OBS has no Media Source of this name")
        await ask("RemoveInput", inputName=name)
        return f"{name}: removed from OBS"

    return asyncio.run(_with_obs(websocket, password, work))


async def _with_obs(websocket: str, password: str, work: Callable[[Ask], Awaitable[str]]) -> str:
    """What `work` returns; it is given a function that makes a request to OBS and returns the answer."""
    try:
        import simpleobsws
        from websockets.exceptions import WebSocketException
    except ImportError as error:
        raise InputError(f"controlling OBS needs simpleobsws: {install_extra('obs')}") from error
    unreachable = (
        f"{websocket}: OBS does not answer; start OBS 28 or later and tick Tools > WebSocket Server Settings > "
        "Enable WebSocket server"
    )
    client = simpleobsws.WebSocketClient(url=websocket, password=password)

    async def ask(request: str, **data: object) -> dict[str, Any]:
        answer = await client.call(simpleobsws.Request(request, data), ANSWER_SECONDS)
        if not answer.ok():
            raise UserError(f"OBS refuses {request}: {answer.requestStatus.comment}")
        return answer.responseData or {}

    try:
        await asyncio.wait_for(client.connect(), ANSWER_SECONDS)
        known = asyncio.create_task(client.wait_until_identified(ANSWER_SECONDS))
        closed = asyncio.create_task(client.ws.wait_closed())
        await asyncio.wait((known, closed), return_when=asyncio.FIRST_COMPLETED)
        if client.ws.close_code == WRONG_PASSWORD:
            raise WrongPasswordError(
                f"{websocket}: OBS wants its password, which stands in Tools > WebSocket Server Settings > Show "
                f"Connect Info; give it as {PASSWORD_VARIABLE}"
            )
        if not client.is_identified():
            raise UserError(unreachable)
        return await work(ask)
    except (OSError, TimeoutError, ValueError, WebSocketException, simpleobsws.MessageTimeout) as error:
        raise UserError(unreachable) from error
    finally:
        await client.disconnect()
