"""The page's server, with real sockets: who gets which picture when."""

import json
import re
import threading
import time
from functools import partial
from io import BytesIO

import av
import numpy as np
from support.fake_controls import decode, picture
from support.page_client import BLUE, GREEN, RED, ask, is_colour, next_part, noise, reader
from support.waiting import DEADLINE_SECONDS, returns, wait_until

from toonstream.page import nut
from toonstream.sinks.stream import Encoder, Picture

NUT_BEGINS, NUT_INDEX = b"nut/multimedia container\0", b"NX\xdd\x67\x2f\x23\xe6\x4e"
"""With what a file of that format starts, and its index."""


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


def test_the_stream_for_obs_keeps_no_note_of_its_pictures():
    """FFmpeg would, for an index at the end: some memory for each, in a stream that may last for days."""
    jpeg, file = Encoder()(picture(GREEN)), BytesIO()
    nut.write_nut((Picture(number, jpeg, (320, 180)) for number in range(1, 4)), file)
    assert file.getvalue().startswith(NUT_BEGINS)
    assert file.getvalue().count(jpeg) == 3
    assert NUT_INDEX not in file.getvalue()


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
    monkeypatch.setattr("toonstream.page.handler.Handler.timeout", 10 * DEADLINE_SECONDS)  # nor is it let go
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
    monkeypatch.setattr("toonstream.page.handler.PICTURE_SECONDS", 0.3)
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


def test_a_snapshot_is_what_everybody_is_shown(server):
    assert ask(server, "/snapshot.png")[0] == 404
    frame = noise(0)
    server.stream.write(frame)
    server.preview.write(picture(RED))  # the split, say
    status, headers, body = ask(server, "/snapshot.png")
    assert (status, headers["Content-Type"]) == (200, "image/png")
    assert re.fullmatch(r'attachment; filename="toonstream-\d{8}-\d{6}\.png"', headers["Content-Disposition"])
    assert np.array_equal(decode(body), frame.rgb())
