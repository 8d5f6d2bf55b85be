"""What OBS is asked to do, over a real websocket with a server in OBS's place."""

import asyncio
import base64
import hashlib
import io
import socket
import threading
from contextlib import closing

import pytest
from support.waiting import DEADLINE_SECONDS
from toonstream_engines.errors import InputError
from toonstream_engines.install import install_extra

from toonstream import obs
from toonstream.commands import main

simpleobsws = pytest.importorskip("simpleobsws", reason="needs toonstream's extra obs")
msgpack = pytest.importorskip("msgpack")
websockets = pytest.importorskip("websockets")


class FakeObs:
    """Answers as obs-websocket 5 does, of one scene; requests: what it was asked, without the questions."""

    def __init__(self, password: str = "") -> None:
        self.password = password
        self.inputs: dict[str, dict] = {}
        self.items: list[str] = []
        self.requests: list[tuple[str, dict]] = []
        self.refuse: str | None = None
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),), daemon=True)
        self._thread.start()
        assert self._ready.wait(DEADLINE_SECONDS)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        async with websockets.serve(self._talk, "127.0.0.1", 0, subprotocols=["obswebsocket.msgpack"]) as server:
            self.address = f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"
            self._ready.set()
            await self._end.wait()

    async def _talk(self, connection) -> None:
        hello = {"rpcVersion": 1}
        if self.password:
            hello["authentication"] = {"challenge": "challenge", "salt": "salt"}
        await connection.send(msgpack.packb({"op": 0, "d": hello}))
        identify = msgpack.unpackb(await connection.recv())["d"]
        if self.password and identify.get("authentication") != self._proof():
            await connection.close(4009, "Authentication failed.")
            return
        await connection.send(msgpack.packb({"op": 2, "d": {"negotiatedRpcVersion": 1}}))
        async for message in connection:
            request = msgpack.unpackb(message)["d"]
            kind, data = request["requestType"], request.get("requestData", {})
            refused = kind == self.refuse
            answer = {} if refused else self._answer(kind, data)
            status = {"result": not refused, "code": 205 if refused else 100, "comment": "Not today."}
            answer = {"requestType": kind, "requestId": request["requestId"], "requestStatus": status} | {
                "responseData": answer
            }
            await connection.send(msgpack.packb({"op": 7, "d": answer}))

    def _proof(self) -> str:
        def digest(text: str) -> str:
            return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()

        return digest(digest(self.password + "salt") + "challenge")

    def _answer(self, kind: str, data: dict) -> dict:
        if not kind.startswith("Get"):
            self.requests.append((kind, data))
        match kind:
            case "GetCurrentProgramScene":
                return {"currentProgramSceneName": "Talk"}
            case "GetVideoSettings":
                return {"baseWidth": 1920, "baseHeight": 1080}
            case "GetInputList":
                kinds = {name: one["kind"] for name, one in self.inputs.items()}
                wanted = data.get("inputKind")
                found = [(name, kind) for name, kind in kinds.items() if wanted in (None, kind)]
                return {"inputs": [{"inputName": name, "inputKind": kind} for name, kind in found]}
            case "GetSceneItemList":
                return {"sceneItems": [{"sourceName": name} for name in self.items]}
            case "CreateInput":
                self.inputs[data["inputName"]] = {"kind": data["inputKind"], "settings": data["inputSettings"]}
                self.items.append(data["inputName"])
                return {"sceneItemId": 7}
            case "CreateSceneItem":
                self.items.append(data["sourceName"])
                return {"sceneItemId": 8}
            case "SetInputSettings":
                self.inputs[data["inputName"]]["settings"] = data["inputSettings"]
            case "RemoveInput":
                del self.inputs[data["inputName"]]
        return {}


@pytest.fixture
def studio():
    with closing(FakeObs()) as studio:
        yield studio


def command(studio, *arguments) -> int:
    return main(["obs", *arguments, "--websocket", studio.address])


def test_a_source_is_added_to_the_scene_on_air_and_fitted(studio, capsys):
    assert command(studio) == 0
    assert capsys.readouterr().out == "ToonStream: added to OBS's scene Talk\n"
    assert [kind for kind, _ in studio.requests] == ["CreateInput", "SetSceneItemTransform"]
    source = studio.inputs["ToonStream"]
    assert source["kind"] == "ffmpeg_source"
    assert source["settings"]["input"] == "http://127.0.0.1:8080/stream.nut"
    assert source["settings"]["input_format"] == "nut"
    assert "fflags=nobuffer" in source["settings"]["ffmpeg_options"]
    fitted = studio.requests[1][1]
    assert (fitted["sceneName"], fitted["sceneItemId"]) == ("Talk", 7)
    assert fitted["sceneItemTransform"]["boundsWidth"] == 1920


def test_an_address_with_a_token_is_read_from_the_input(studio, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("http://192.0.2.1:8080/token/\n"))
    assert command(studio, "add", "-") == 0
    assert studio.inputs["ToonStream"]["settings"]["input"] == "http://192.0.2.1:8080/token/stream.nut"


def test_one_that_is_there_is_updated_and_stays_where_it_was_put(studio, capsys):
    command(studio, "add", "--name", "Me")
    studio.requests.clear()
    assert command(studio, "add", "http://10.0.0.5:9000/secret/", "--name", "Me") == 0
    assert [kind for kind, _ in studio.requests] == ["SetInputSettings"]
    assert studio.inputs["Me"]["settings"]["input"] == "http://10.0.0.5:9000/secret/stream.nut"
    assert "updated" in capsys.readouterr().out


def test_one_of_another_scene_comes_into_this_one_too(studio):
    command(studio)
    studio.items.clear()
    studio.requests.clear()
    assert command(studio) == 0
    assert [kind for kind, _ in studio.requests] == ["SetInputSettings", "CreateSceneItem", "SetSceneItemTransform"]


def test_removed_it_is_gone(studio, capsys):
    command(studio)
    assert command(studio, "remove") == 0
    assert studio.inputs == {}
    assert command(studio, "remove") == 1
    assert "no Media Source" in capsys.readouterr().err


def test_a_source_of_another_kind_is_left_alone(studio, capsys):
    studio.inputs["ToonStream"] = {"kind": "image_source", "settings": {}}
    assert command(studio) == 1
    assert "--name" in capsys.readouterr().err
    assert command(studio, "remove") == 1
    assert studio.requests == []


def test_the_password_comes_from_the_environment(monkeypatch, capsys):
    with closing(FakeObs("pass word")) as studio:
        monkeypatch.delenv(obs.PASSWORD_VARIABLE, raising=False)
        assert command(studio) == 1
        assert obs.PASSWORD_VARIABLE in capsys.readouterr().err
        monkeypatch.setenv(obs.PASSWORD_VARIABLE, "wrong")
        assert command(studio) == 1
        monkeypatch.setenv(obs.PASSWORD_VARIABLE, "pass word")
        assert command(studio) == 0


def test_the_password_is_asked_for_where_somebody_sits(monkeypatch):
    with closing(FakeObs("pass word")) as studio:
        monkeypatch.delenv(obs.PASSWORD_VARIABLE, raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", lambda prompt: "pass word")
        assert command(studio) == 0


def nobody_answers(prompt: str) -> str:
    raise EOFError


def test_a_password_that_is_not_given(monkeypatch, capsys):
    with closing(FakeObs("pass word")) as studio:
        monkeypatch.delenv(obs.PASSWORD_VARIABLE, raising=False)
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("getpass.getpass", nobody_answers)
        assert command(studio) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert obs.PASSWORD_VARIABLE in line


def test_an_address_from_where_nothing_can_be_read(monkeypatch, capsys):
    """As under a service, with its standard input closed."""
    monkeypatch.setattr("sys.stdin", None)
    assert main(["obs", "add", "-"]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "not an address" in line


def test_what_obs_refuses_is_told(studio, capsys):
    studio.refuse = "CreateInput"
    assert command(studio) == 1
    assert capsys.readouterr().err == "toonstream: OBS refuses CreateInput: Not today.\n"


def test_no_obs(capsys):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert main(["obs", "--websocket", f"ws://127.0.0.1:{port}"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert "start OBS" in line
    assert "WebSocket" in line


@pytest.mark.parametrize("websocket", ["127.0.0.1:4455", "http://127.0.0.1:1", "ws://", "ws://name.invalid:4455"])
def test_what_is_no_websocket(websocket, capsys):
    assert main(["obs", "--websocket", websocket]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


def test_something_else_at_obs_s_port(capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:

        def answer() -> None:
            connection, _ = other.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        assert main(["obs", "--websocket", f"ws://127.0.0.1:{other.getsockname()[1]}"]) == 1
        thread.join()
    assert "OBS does not answer" in capsys.readouterr().err


def test_one_that_says_nothing_is_not_waited_for_for_ever(monkeypatch, capsys):
    monkeypatch.setattr(obs, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert main(["obs", "--websocket", f"ws://127.0.0.1:{silent.getsockname()[1]}"]) == 1
    assert "OBS does not answer" in capsys.readouterr().err


def test_without_the_extra(monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "simpleobsws", None)
    assert main(["obs"]) == 2
    assert install_extra("obs") in capsys.readouterr().err


def test_addresses():
    assert obs.source_settings("tcp://127.0.0.1:9000")["input_format"] == "mpegts"
    assert obs.source_settings("http://127.0.0.1:8080/stream.nut")["input"] == "http://127.0.0.1:8080/stream.nut"
    for address in ("127.0.0.1:8080", "http://127.0.0.1", "rtsp://a:1", "http://a:99999", "http://[a:1", ""):
        with pytest.raises(InputError, match=r"http://127\.0\.0\.1:8080"):
            obs.source_settings(address)
