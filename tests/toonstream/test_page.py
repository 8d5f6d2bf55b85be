"""The stream and the page's server, with real sockets: who gets which picture when, and who gets nothing."""

import http.client
import itertools
import json
import re
import select
import shutil
import socket
import threading
import time
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from fractions import Fraction
from functools import partial
from types import SimpleNamespace

import av
import numpy as np
import pytest
from support.fake_controls import SOURCE, FakeControls, decode, picture
from support.live_rig import Script
from support.waiting import DEADLINE_SECONDS, returns, wait_until
from toonstream_engines.errors import InputError, UserError

from toonstream.frame import Frame
from toonstream.live.switch import Switch
from toonstream.page import address as addresses
from toonstream.page import nut
from toonstream.page.server import MOST_CONNECTIONS, PageServer
from toonstream.sinks import listening

RED, GREEN, BLUE = (200, 40, 40), (40, 180, 60), (40, 60, 200)


@pytest.fixture
def controls():
    return FakeControls(["cel", "/no/such/style"])


@pytest.fixture
def server(controls):
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        yield server


@pytest.fixture
def guarded(controls, monkeypatch):
    """A server that takes itself to be open to the network, on loopback all the same."""
    monkeypatch.setattr(listening.Place, "loopback", False)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        assert server.address.token
        assert f"/{server.address.token}/" in server.url
        yield server


def ask(server, path="/", method="GET", body=None, **headers):
    """(status, headers, body) of an answer; header names have _ for -."""
    connection = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=DEADLINE_SECONDS)
    with closing(connection):
        connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def post(server, changes, path="/state", **headers):
    headers = {"Content_Type": "application/json"} | headers
    body = changes if isinstance(changes, bytes) else json.dumps(changes).encode()
    status, _, answer = ask(server, path, "POST", body, **headers)
    return status, answer.decode()


@contextmanager
def reader(server, path="/stream.mjpg", receive_buffer=None):
    """A connection that has asked for the stream and read its head; yields its file."""
    with socket.socket() as connection:
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.settimeout(DEADLINE_SECONDS)
        connection.connect(server.server_address)
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        with connection.makefile("rb") as file:
            status = file.readline()
            assert b" 200 " in status, status
            head = b"".join(iter(file.readline, b"\r\n"))
            assert b"multipart/x-mixed-replace;boundary=" in head
            assert file.readline().startswith(b"--")
            yield file


def next_part(file):
    """The JPEG of the next part, with the boundary after it read too: it must not wait for another picture."""
    head = b"".join(iter(file.readline, b"\r\n")).decode()
    length = int(head.split("Content-Length: ")[1].split("\r\n")[0])
    jpeg = file.read(length)
    assert file.readline() == b"\r\n"
    assert file.readline().startswith(b"--")
    return jpeg


def is_colour(jpeg, colour):
    return np.abs(decode(jpeg).mean((0, 1)) - colour).max() < 4


def noise(index):
    """A frame of some 600 KB as JPEG: one alone fills a connection's buffers."""
    rgb = np.random.default_rng(index).integers(0, 256, (720, 1280, 3), np.uint8)
    return Frame.from_rgb(rgb, index, Fraction(1, 30), index)


def test_every_reader_gets_what_is_written_from_then_on(server):
    server.stream.write(picture(RED))
    with reader(server) as one, reader(server) as other:
        wait_until(lambda: server.stream._waiting == 2)
        server.stream.write(picture(GREEN))
        assert is_colour(next_part(one), GREEN)
        assert is_colour(next_part(other), GREEN)
        wait_until(lambda: server.stream._waiting == 2)
        server.stream.write(picture(BLUE))
        assert is_colour(next_part(one), BLUE)


def test_the_stream_for_obs_has_a_clock_that_starts_late(server, monkeypatch):
    monkeypatch.setattr(nut, "BEHIND_SECONDS", 0.3)
    end = threading.Event()

    def feed():
        while not end.wait(0.03):
            server.stream.write(picture(GREEN))

    feeder = threading.Thread(target=feed)
    feeder.start()
    try:
        start = time.monotonic()
        with av.open(f"{server.url}stream.nut", timeout=DEADLINE_SECONDS, options={"probesize": "32"}) as container:
            stamps = []
            for packet in container.demux(video=0):
                stamps.append(float(packet.pts * packet.time_base))
                if stamps[-1] > 0.3:
                    break
            took = time.monotonic() - start
            shown = next(container.decode(video=0))
    finally:
        end.set()
        feeder.join()
    assert np.abs(shown.to_ndarray(format="rgb24").mean((0, 1)) - GREEN).max() < 4
    assert (shown.width, shown.height) == (320, 180)
    assert np.diff(stamps).min() > 0.0009
    assert took - stamps[-1] > 0.2
    wait_until(lambda: not server.stream.watched)


def test_nothing_is_encoded_while_nobody_reads(server, monkeypatch):
    encoder = server.stream._encoder
    encoded = []
    encode = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda frame: encoded.append(frame.index) or encode(frame))
    server.stream.write(picture(RED, 1))
    assert not server.stream.watched
    with reader(server) as file:
        wait_until(lambda: server.stream.watched)
        server.stream.write(picture(RED, 2))
        next_part(file)
    wait_until(lambda: not server.stream.watched)
    server.stream.write(picture(RED, 3))
    assert encoded == [2]


def test_a_frame_that_both_streams_carry_is_encoded_once(server, monkeypatch):
    encoder = server.stream._encoder
    encoded = []
    encode = encoder._encode
    monkeypatch.setattr(encoder, "_encode", lambda frame: encoded.append(frame.index) or encode(frame))
    with reader(server) as file:
        wait_until(lambda: server.stream.watched)
        frame = picture(RED, 1)
        server.stream.write(frame)
        server.preview.write(frame)
        shown = next_part(file)
        assert ask(server, "/preview.jpg?after=0")[2] == shown
        server.preview.write(picture(BLUE, 2))  # the split, say
        assert is_colour(ask(server, "/preview.jpg?after=1")[2], BLUE)
    assert encoded == [1, 2]


def test_a_reader_that_stops_reading_holds_up_nobody_and_counts_no_more(server, monkeypatch):
    monkeypatch.setattr("toonstream.page.server._Handler.timeout", 10 * DEADLINE_SECONDS)  # nor is it let go
    with reader(server, receive_buffer=4096):
        for index in range(10):
            returns(partial(server.stream.write, noise(index)))
            time.sleep(0.02)
        wait_until(lambda: not server.stream.watched)
        with reader(server) as other:
            wait_until(lambda: server.stream.watched)
            server.stream.write(picture(GREEN))
            assert is_colour(next_part(other), GREEN)


def test_a_slow_reader_gets_the_newest_picture_and_misses_others(server):
    with reader(server, receive_buffer=4096) as file:
        wait_until(lambda: server.stream.watched)
        for index in range(30):
            server.stream.write(noise(index))
            time.sleep(0.02)
        server.stream.write(picture(GREEN))
        behind = next(count for count in range(30) if is_colour(next_part(file), GREEN))
    assert behind <= 3


def test_a_reader_that_goes_is_noticed_though_no_picture_comes(server):
    with reader(server):
        wait_until(lambda: server.stream.watched)
    wait_until(lambda: not server.stream.watched)


def test_the_page_and_all_that_it_needs(server):
    status, headers, body = ask(server)
    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    for name in ("page.css", "page.js", "icon.svg"):
        assert name in body.decode()
        assert ask(server, f"/{name}")[0] == 200
    assert ask(server, "/../server.py")[0] == 404
    assert ask(server, "/page.html")[0] == 404


def test_the_newest_picture_and_then_the_next(server):
    server.preview.write(picture(RED))
    status, headers, body = ask(server, "/preview.jpg?after=0")
    assert (status, headers["Content-Type"], headers["X-Number"]) == (200, "image/jpeg", "1")
    assert is_colour(body, RED)
    assert server.preview.watched
    threading.Timer(0.2, server.preview.write, [picture(BLUE)]).start()
    assert is_colour(ask(server, "/preview.jpg?after=1")[2], BLUE)


def test_a_page_of_an_earlier_session_watches_before_the_first_picture(server):
    """It asks for another one than that session's last."""
    asking = threading.Thread(target=ask, args=[server, "/preview.jpg?after=35"])
    asking.start()
    wait_until(lambda: server.preview.watched)
    time.sleep(0.2)
    assert server.preview._waiting == 1
    server.preview.write(picture(RED))
    asking.join(DEADLINE_SECONDS)
    assert not asking.is_alive()


def test_no_picture_in_time_is_no_error(server, monkeypatch):
    monkeypatch.setattr("toonstream.page.server.PICTURE_SECONDS", 0.3)
    for after in ("x", "9" * 5000):
        assert ask(server, f"/preview.jpg?after={after}")[0] == 204


def test_styles_and_their_previews(server):
    shipped, broken = json.loads(ask(server, "/styles")[2])
    assert shipped["style"] == shipped["name"] == "cel"
    assert shipped["about"]
    assert broken["name"] == "style"
    assert ask(server, "/styles/0.png")[2].startswith(b"\x89PNG")
    for index in ("1", "2", "-1", "x", "", "1" * 5000):
        assert ask(server, f"/styles/{index}.png")[0] == 404


def test_controls_are_told_and_changed(server, controls):
    state = json.loads(ask(server, "/state")[2])
    assert state["effect"] is True
    assert (state["style"], state["mirror"], state["split"], state["paused"]) == ("cel", False, False, False)
    assert state["figures"]["fps"] == 30.0
    status, answer = post(server, {"style": "/no/such/style", "mirror": True, "paused": True})
    assert status == 200
    assert json.loads(answer)["style"] == controls.style == "/no/such/style"
    assert (controls.effect, controls.mirror, controls.split, controls.paused) == (True, True, False, True)
    assert post(server, {"effect": False})[0] == 200
    assert not controls.effect


def test_a_snapshot_is_what_everybody_is_shown(server):
    assert ask(server, "/snapshot.png")[0] == 404
    frame = noise(0)
    server.stream.write(frame)
    server.preview.write(picture(RED))  # the split, say
    status, headers, body = ask(server, "/snapshot.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert re.fullmatch(r'attachment; filename="toonstream-\d{8}-\d{6}\.png"', headers["Content-Disposition"])
    assert np.array_equal(decode(body), frame.rgb())


def test_recordings_are_started_and_stopped(controls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frames = [picture(colour, index) for index, colour in enumerate((RED, GREEN, BLUE))]
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        recorder = server.recorder
        recorder.write(frames[0])  # before it is asked to
        assert not recorder.watched
        for _ in range(2):  # the second changes nothing
            status, answer = post(server, {"recording": True})
            assert (status, json.loads(answer)["recording"]) == (200, True)
        assert recorder.watched
        recorder.write(frames[1])
        state = json.loads(post(server, {"recording": False})[1])
        first = tmp_path / re.fullmatch("Recorded: (.*)", state["recorded"])[1]
        assert not state["recording"]
        moment = datetime.strptime(first.stem, "toonstream-%Y%m%d-%H%M%S")
        monkeypatch.setattr("toonstream.page.recorder.datetime", SimpleNamespace(now=lambda: moment))
        recorder.start()  # in the same second, so to speak; the end of all ends it
        recorder.write(frames[2])
    second = first.with_stem(f"{first.stem}-2")
    assert sorted(tmp_path.iterdir()) == sorted([first, second])
    for path, colour in ((first, GREEN), (second, BLUE)):
        with av.open(path) as file:
            (shown,) = file.decode(video=0)
            assert np.abs(shown.to_ndarray(format="rgb24").mean((0, 1)) - colour).max() < 6


def test_a_recording_that_fails_ends_alone(controls, tmp_path, monkeypatch):
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        recorder = server.recorder
        recorder.start()
        recorder.write(picture(RED))
        wait_until(lambda: any(folder.iterdir()))
        shutil.rmtree(folder)
        index = itertools.count(1)
        wait_until(lambda: recorder.write(picture(RED, next(index))) or not recorder.on)
        assert f"{folder}/toonstream-" in json.loads(ask(server, "/state")[2])["recorded"]
        status, answer = post(server, {"recording": True, "mirror": True})
        assert (status, controls.mirror) == (400, False)
        assert "no folder" in answer


def test_a_recording_without_a_picture_is_none(controls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with closing(PageServer("http://127.0.0.1:0", controls, SOURCE)) as server:
        server.recorder.start()
        server.recorder.stop()
        assert server.recorder.told == "Nothing was recorded: no picture came"
    assert not list(tmp_path.iterdir())


def test_the_number_of_faces(server, controls):
    for faces in (2, None, 1):
        status, answer = post(server, {"faces": faces})
        assert (status, json.loads(answer)["faces"], controls.faces) == (200, faces, faces)


def test_another_source_is_chosen_from_the_list_alone(controls, monkeypatch):
    monkeypatch.setattr("toonstream.live.switch.cameras", lambda: [("/dev/video2", "HD Webcam")])
    source = Switch("clip.mp4", lambda name: Script([], (64, 48)))
    with closing(PageServer("http://127.0.0.1:0", controls, source)) as server:
        listed = [one["source"] for one in json.loads(ask(server, "/sources")[2])]
        assert listed == ["clip.mp4", "/dev/video2", "screen"]
        for other in ("/etc/passwd", "http://127.0.0.1/", "screen:0,0,64x64", ["screen"], None):
            assert post(server, {"source": other})[0] == 400
        status, answer = post(server, {"source": "/dev/video2"})
        told = json.loads(answer)["source"]
        assert (status, told) == (200, {"name": "clip.mp4", "wanted": "/dev/video2", "told": None})
        assert source.wanted == "/dev/video2"


def test_a_source_that_cannot_be_changed(server):
    assert json.loads(ask(server, "/sources")[2]) == []
    assert json.loads(ask(server, "/state")[2])["source"] is None
    assert post(server, {"source": "screen"})[0] == 400


@pytest.mark.parametrize(
    ("body", "word"),
    [
        (b"{", "JSON"),
        (b"[" * 4000, "JSON"),
        (b"[1]", "object"),
        (b'{"mirror": 1}', "mirror"),
        (b'{"effect": null}', "effect"),
        (b'{"faces": 0, "mirror": true}', "faces"),
        (b'{"faces": true}', "faces"),
        (b'{"faces": "2"}', "faces"),
        (b'{"faces": 1.5}', "faces"),
        (b'{"recording": "a.mp4"}', "recording"),
        (b'{"effect": false, "style": "other"}', "style"),
        (b'{"style": "other"}', "style"),
        (b'{"style": ["cel"]}', "style"),
        (b'{"__class__": true}', "nothing to change"),
        (b'{"mirror": true, "fps": true}', "nothing to change"),
    ],
)
def test_what_is_no_change_changes_nothing(server, controls, body, word):
    status, answer = post(server, body)
    assert status == 400
    assert word in answer
    assert controls.effect
    assert not controls.mirror
    assert controls.style == "cel"


def test_changes_come_as_json_of_a_small_size(server):
    assert post(server, {"mirror": True}, Content_Type="text/plain")[0] == 415
    assert post(server, {"mirror": True}, Content_Type="application/x-www-form-urlencoded")[0] == 415
    assert post(server, b" " * 5000)[0] == 413
    assert post(server, {}, Content_Length="9" * 5000)[0] == 413
    assert post(server, {}, path="/styles")[0] == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},  # a name that was made to lead here
        {"Host": "evil.example:8080"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "192.168.1.5:8080"},
        {"Host": "[::1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "https://127.0.0.1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", ["/", "/stream.nut", "/stream.mjpg", "/preview.jpg", "/snapshot.png", "/state"])
def test_others_are_refused(server, controls, headers, path):
    assert ask(server, path, **headers)[0] == 403
    assert post(server, {"mirror": True}, **headers)[0] == 403
    assert not controls.mirror


def test_the_machine_itself_is_let_in_under_its_names(server):
    port = server.server_address[1]
    for host in ("localhost", f"localhost:{port}", "127.0.0.1:9000", f"[::1]:{port}"):
        assert ask(server, "/state", Host=host, Origin=f"http://{host}", Sec_Fetch_Site="same-origin")[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/stream.mjpg",
        "/preview.jpg",
        "/snapshot.png",
        "/sources",
        "/state",
        "/styles",
        "/styles/0.png",
        "/page.js",
    ],
)
def test_beyond_loopback_all_needs_the_token(guarded, controls, path):
    token = guarded.address.token
    for wrong in ("", "/", f"/{token[:-1]}", f"/{token}x", "//"):
        assert ask(guarded, wrong + path)[0] == 403
    assert ask(guarded, f"{path}?token={token}")[0] == 403


def test_with_the_token_all_is_there(guarded, controls):
    token = f"/{guarded.address.token}"
    assert post(guarded, {"mirror": True}, "/x/state")[0] == 403
    assert not controls.mirror
    assert ask(guarded, f"{token}/", Host="studio.local:8080")[0] == 200
    assert ask(guarded, f"{token}/page.js")[0] == 200
    status, headers, _ = ask(guarded, token)
    assert (status, headers["Location"]) == (308, f"{token}/")
    assert post(guarded, {"mirror": True}, f"{token}/state", Origin="http://evil.example")[0] == 403
    assert not controls.mirror
    assert post(guarded, {"mirror": True}, f"{token}/state")[0] == 200
    assert controls.mirror
    with reader(guarded, f"{token}/stream.mjpg") as file:
        wait_until(lambda: guarded.stream.watched)
        guarded.stream.write(picture(RED))
        assert is_colour(next_part(file), RED)


def test_a_new_token_each_time(controls, monkeypatch):
    monkeypatch.setattr(listening.Place, "loopback", False)
    assert addresses.Address("http://127.0.0.1:0").token != addresses.Address("http://127.0.0.1:0").token


def test_everywhere_is_not_loopback():
    address = addresses.Address("http://0.0.0.0:8080")
    assert address.token
    assert "0.0.0.0" not in address.url(8080)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1",
        "http://:8080",
        "https://127.0.0.1:1",
        "http://127.0.0.1:99999",
        "http://a b:1",
        "http://[::1:80",
        "http://127.0.0.1:8080/stream",
        "http://name.invalid:8080",
        "http://user@127.0.0.1:80",
    ],
)
def test_what_is_no_address_is_told(text):
    with pytest.raises(InputError, match=r"^--to "):
        addresses.Address(text)


def test_a_port_that_is_taken_is_told(server, controls):
    taken = server.url.rstrip("/")
    with pytest.raises(UserError, match=rf"^--to {taken}: .*taken.*another port"):
        PageServer(taken, controls, SOURCE)


def test_an_address_of_another_machine_is_told(controls):
    with pytest.raises(UserError, match="no such address"):
        PageServer("http://192.0.2.1:8080", controls, SOURCE)


def test_those_who_say_nothing_or_lack_the_token_keep_nobody_out(guarded):
    silent = [socket.create_connection(guarded.server_address) for _ in range(2 * MOST_CONNECTIONS)]
    try:
        for connection in silent[-5:]:
            connection.sendall(b"GET /state HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert ask(guarded, f"/{guarded.address.token}/state")[0] == 200
        assert len(guarded._connections) <= MOST_CONNECTIONS
    finally:
        for connection in silent:
            connection.close()


@pytest.mark.parametrize("path", ["", "/state"], ids=["its head", "its body"])
def test_a_request_that_comes_drop_by_drop_is_not_waited_for(server, monkeypatch, path):
    """Though each drop is in time, and though it was let in before its body. A stream goes on as long as it likes."""
    monkeypatch.setattr("toonstream.page.server.SILENT_SECONDS", 0.3)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 4000\r\n\r\n"
    with reader(server) as file, socket.create_connection(server.server_address) as dripping:
        dripping.sendall(head.encode() if path else b"GET /state")
        drops = 0
        with suppress(ConnectionError):  # a drop after the end
            while not select.select([dripping], [], [], 0.1)[0]:
                dripping.sendall(b"x")
                drops += 1
                assert drops < 100
            assert dripping.recv(1) == b""
        server.stream.write(picture(GREEN))
        assert is_colour(next_part(file), GREEN)


def test_too_many_connections_are_turned_away_and_the_rest_goes_on(server):
    connections = [socket.create_connection(server.server_address) for _ in range(MOST_CONNECTIONS)]
    try:
        for connection in connections:
            connection.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        wait_until(lambda: list(server._connections.values()) == [True] * MOST_CONNECTIONS)
        with socket.create_connection(server.server_address, timeout=DEADLINE_SECONDS) as late:
            assert late.recv(1) == b""
    finally:
        for connection in connections:
            connection.close()
    wait_until(lambda: not server._connections)
    assert ask(server, "/state")[0] == 200


@pytest.mark.parametrize(
    "request_line",
    [
        b"GET //[ HTTP/1.1",
        b"GET foo HTTP/1.1",
        b"GET /\xe9 HTTP/1.1",
        b"GET /styles/\xb2.png HTTP/1.1",
        b"BREW / HTTP/1.1",
        b"\x16\x03\x01",
    ],
)
def test_what_is_no_request_is_no_fault_of_ours(server, capfd, request_line):
    with socket.create_connection(server.server_address, timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(request_line + b"\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        while connection.recv(4096):
            pass
    assert capfd.readouterr().err == ""


def test_closing_ends_streams_and_threads_at_once(controls, monkeypatch):
    monkeypatch.setattr("toonstream.page.server._Handler.timeout", 10 * DEADLINE_SECONDS)
    before = set(threading.enumerate())
    server = PageServer("http://127.0.0.1:0", controls, SOURCE)
    idle = socket.create_connection(server.server_address)
    with closing(idle), reader(server) as file:
        wait_until(lambda: server.stream.watched)
        returns(server.close)
        server.close()
        assert file.read() == b""
        wait_until(lambda: set(threading.enumerate()) <= before)
    with pytest.raises(ConnectionRefusedError):
        ask(server)
