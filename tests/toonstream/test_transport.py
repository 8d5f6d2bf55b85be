"""MPEG-TS over TCP as a reader gets it: pictures, sound in step with them, readers that come, stop and go."""

import socket
import threading
import time
from collections import deque
from contextlib import closing, contextmanager
from fractions import Fraction
from itertools import cycle

import av
import numpy as np
import pytest
from av import AudioFrame
from support.fake_controls import picture
from support.waiting import DEADLINE_SECONDS, returns, wait_until
from toonstream_engines.errors import InputError, UserError

from toonstream.choose import open_live_source
from toonstream.frame import Frame
from toonstream.sinks.transport import TransportStream
from toonstream.sources import CaptureRequest

RED, BLUE = (200, 40, 40), (40, 60, 200)
MICROSECOND = Fraction(1, 1_000_000)
LEAST_DELAY = {"fflags": "nobuffer", "flags": "low_delay", "probesize": "32768", "analyzeduration": "0"}


def grainy(colour, index, size=(320, 180)):
    """A frame of one colour with grain, so that there are bytes enough for a reader to look at."""
    grain = np.random.default_rng(index % 8).integers(-30, 31, (size[1], size[0], 1))
    return picture((np.array(colour) + grain).clip(0, 255).astype(np.uint8), index)


@contextmanager
def fed(sink, make=lambda index: grainy(RED, index), sound=None):
    """While inside, the sink is given 30 frames a second, and `sound` is told of the moment before each."""
    end = threading.Event()

    def feed() -> None:
        index, start = 0, time.monotonic()
        while not end.wait(max(0, start + index / 30 - time.monotonic())):
            if sound:
                sound(index)
            sink.write(make(index))
            index += 1

    thread = threading.Thread(target=feed)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def read(sink, count: int) -> tuple[list, list]:
    """So many pictures as a reader gets them, and the pieces of sound between them."""
    pictures, pieces = [], []
    with av.open(sink.url, format="mpegts", options=LEAST_DELAY, timeout=DEADLINE_SECONDS) as container:
        for packet in container.demux():
            for frame in packet.decode():
                (pieces if isinstance(frame, AudioFrame) else pictures).append(frame)
            if len(pictures) >= count:
                break
    return pictures, pieces


def test_a_reader_gets_pictures_in_their_colours_and_times_and_then_the_next_one():
    with TransportStream("tcp://127.0.0.1:0", Fraction(30)) as sink:
        assert not sink.watched
        with fed(sink):
            for _ in range(2):
                pictures, pieces = read(sink, 20)
                wait_until(lambda: not sink.watched)
                assert pieces == []
                assert np.abs(pictures[-1].to_ndarray(format="rgb24").mean((0, 1)) - RED).max() < 4
                times = [float(one.pts * one.time_base) for one in pictures]
                assert np.diff(times).min() > 0


def test_nothing_is_kept_while_nobody_reads():
    with TransportStream("tcp://127.0.0.1:0", Fraction(30)) as sink:
        sink.write(picture(RED))
        assert sink._frames.take(0) is None


def test_pictures_of_any_make_go_in():
    odd = (321, 181)
    with TransportStream("tcp://127.0.0.1:0", None) as sink, fed(sink, lambda index: grainy(BLUE, index, odd)):
        pictures, _ = read(sink, 5)
    assert (pictures[-1].width, pictures[-1].height) == (320, 180)
    assert np.abs(pictures[-1].to_ndarray(format="rgb24").mean((0, 1)) - BLUE).max() < 4


class FlashAndBeep:
    """At every full second of a clock of its own a flash and a beep; sound in pieces whose stamps wander."""

    RATE, START = 44_100, 1000.0

    def __init__(self) -> None:
        self.sounds: deque[AudioFrame] = deque()
        self._wander = np.random.default_rng(3)
        self._sent = 0

    def picture(self, index: int) -> Frame:
        seconds = index / 30
        rgb = grainy((200, 200, 200) if seconds % 1 < 0.2 else (50, 50, 50), index).rgb()
        return Frame.from_rgb(rgb, round((self.START + seconds) * 1e6), MICROSECOND, index)

    def sound(self, index: int) -> None:
        while self._sent + 1024 <= index / 30 * self.RATE:
            seconds = (self._sent + np.arange(1024)) / self.RATE
            wave = np.where(seconds % 1 < 0.2, 0.5 * np.sin(seconds * 2 * np.pi * 1000), 0).astype(np.float32)
            piece = AudioFrame.from_ndarray(wave[None], format="fltp", layout="mono")
            piece.sample_rate, piece.time_base = self.RATE, MICROSECOND
            stamp = self.START + self._sent / self.RATE + self._wander.uniform(-0.004, 0.004)
            piece.pts = round(stamp * 1e6)
            self.sounds.append(piece)
            self._sent += 1024


def beeps_after_flashes(pictures: list, pieces: list) -> list[float]:
    """By how much, in seconds, each beep is later than the flash next to it."""
    bright = [(float(one.pts * one.time_base), one.to_ndarray(format="gray").mean() > 128) for one in pictures]
    flashes = [now for (now, is_bright), (_, was) in zip(bright[1:], bright, strict=False) if is_bright and not was]
    samples = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    assert np.abs(samples).max() == pytest.approx(0.5 / 2**0.5, abs=0.05)  # of one channel, made two
    first = float(pieces[0].pts * pieces[0].time_base)
    loudness = np.abs(samples[: len(samples) // 480 * 480]).reshape(-1, 480).max(1)  # of every hundredth of a second
    beeps = first + np.flatnonzero((loudness[1:] > 0.1) & (loudness[:-1] <= 0.1)) / 100
    return [beep - min(flashes, key=lambda flash: abs(flash - beep)) for beep in beeps[:2]]


def test_sound_may_become_another_kind_on_the_way():
    sounds: deque[AudioFrame] = deque()

    def sound(index):
        channels = 1 if index < 10 else 2
        silence = np.zeros((1, 1600 * channels), np.int16)
        piece = AudioFrame.from_ndarray(silence, "s16", "mono" if channels == 1 else "stereo")
        piece.sample_rate, piece.time_base, piece.pts = 48_000, Fraction(1, 30), index
        sounds.append(piece)

    def make(index):
        return Frame.from_rgb(grainy(RED, index).rgb(), index, Fraction(1, 30), index)

    with TransportStream("tcp://127.0.0.1:0", Fraction(30), sounds) as sink, fed(sink, make, sound):
        pictures, pieces = read(sink, 30)
    assert len(pictures) == 30
    assert sum(piece.samples for piece in pieces) > 0.6 * 48_000


def test_sound_stays_in_step_with_the_picture():
    signal = FlashAndBeep()

    def make(index):
        wait_until(lambda: sink._frames._item is None)  # so that each one is sent
        return signal.picture(index)

    with TransportStream("tcp://127.0.0.1:0", Fraction(30), signal.sounds) as sink, fed(sink, make, signal.sound):
        after = beeps_after_flashes(*read(sink, 100))
    assert len(after) == 2
    assert np.abs(after).max() < 0.03


def test_the_sound_of_a_stream_from_the_network_goes_along():
    """As `toonstream live --from tcp://... --to tcp://...` has it."""
    signal = FlashAndBeep()
    end = threading.Event()

    def relay() -> None:
        while not end.is_set():
            frame = source.read()
            if frame:
                sink.write(frame)

    with (
        TransportStream("tcp://127.0.0.1:0", Fraction(30), signal.sounds) as camera,
        fed(camera, signal.picture, signal.sound),
        open_live_source(camera.url, CaptureRequest()) as source,
        TransportStream("tcp://127.0.0.1:0", Fraction(30), source.listen()) as sink,
    ):
        assert "with sound" in sink.description
        relaying = threading.Thread(target=relay)
        relaying.start()
        after = beeps_after_flashes(*read(sink, 100))
        end.set()
        relaying.join()
    assert len(after) == 2
    assert np.abs(after).max() < 0.2  # a busy machine's pictures come in bursts


def test_pictures_go_on_where_the_sound_stops():
    with TransportStream("tcp://127.0.0.1:0", Fraction(30), deque()) as sink, fed(sink):
        pictures, pieces = read(sink, 20)
    assert len(pictures) == 20
    assert pieces == []


@contextmanager
def stuck_reader(sink):
    """One that reads nothing, and pictures of which one alone is more than a connection takes."""
    noise = [np.random.default_rng(index).integers(0, 256, (720, 1280, 3), np.uint8) for index in range(4)]
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stuck.connect(("127.0.0.1", int(sink.url.rpartition(":")[2])))
        wait_until(lambda: sink.watched)
        yield cycle(map(picture, noise))


def test_a_reader_that_stops_reading_is_let_go(monkeypatch):
    monkeypatch.setattr("toonstream.sinks.transport.STUCK_SECONDS", 0.5)
    with TransportStream("tcp://127.0.0.1:0", Fraction(30)) as sink:
        with stuck_reader(sink) as noise:
            wait_until(lambda: sink.write(next(noise)) or not sink.watched)
        with fed(sink):
            pictures, _ = read(sink, 5)
    assert pictures


def test_a_reader_that_stops_reading_holds_up_neither_writing_nor_the_end(monkeypatch):
    monkeypatch.setattr("toonstream.sinks.transport.STUCK_SECONDS", 10 * DEADLINE_SECONDS)
    sink = TransportStream("tcp://127.0.0.1:0", Fraction(30))
    with stuck_reader(sink) as noise:
        for _ in range(20):
            returns(lambda: sink.write(next(noise)))
            time.sleep(0.02)
        assert sink.watched
        returns(sink.close)
        sink.close()
    assert threading.active_count() < 20


def test_addresses():
    with pytest.raises(InputError, match=r"write tcp://127\.0\.0\.1:9000"):
        TransportStream("tcp://127.0.0.1", None)
    with TransportStream("tcp://127.0.0.1:0", None) as sink:
        assert "without sound" in sink.description
        with pytest.raises(UserError, match="another port"):
            TransportStream(sink.url, None)
    with closing(TransportStream("tcp://0.0.0.0:0", None, deque())) as sink:
        assert "with sound, which everybody on the network can see" in sink.description
