"""Photos in and out: what is noted beside the pixels stays there."""

import io
import os
import struct
import warnings
import zlib

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms
from support.clips import convert, draw
from toonstream_engines.errors import InputError

from toonstream.choose import default_output, open_sink, open_source
from toonstream.frame import Patch, Rect
from toonstream.sources import photo_suffix

PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def save(path, array, **options):
    image = Image.fromarray(array)
    image.save(path, quality=100, **({"subsampling": 0} if path.suffix == ".jpg" else {}), **options)
    return path


def load(path):
    with Image.open(path) as image:
        return np.asarray(image)


@pytest.mark.parametrize("name", ["a.jpg", "a.jpeg", "a.PNG", "a.webp"])
def test_pixels_in_and_out(tmp_path, name):
    options = {"lossless": True} if name.endswith("webp") else {}
    path = save(tmp_path / name, draw(0), **options)
    assert convert(path, default_output(path)) == []
    assert sorted(tmp_path.iterdir()) == sorted([path, default_output(path)])
    difference = abs(load(default_output(path)).astype(int) - draw(0))
    assert difference.max() == 0 if name == "a.PNG" else difference.mean() < 2


@pytest.mark.parametrize("turn", range(1, 9))
def test_upright_for_the_faces_and_as_stored_in_the_file(tmp_path, turn):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    exif[ExifTags.Base.Model] = "A camera"
    path = save(tmp_path / "in.png", draw(0), exif=exif, icc_profile=PROFILE)
    with Image.open(path) as image:
        from PIL import ImageOps

        upright = np.asarray(ImageOps.exif_transpose(image))
    with open_source(path) as source, open_sink(tmp_path / "out.png", source) as sink:
        (frame,) = source
        assert source.size == (frame.width, frame.height) == upright.shape[1::-1]
        assert (frame.rgb() == upright).all()
        patch = Patch(Rect(2, 4, 12, 24), np.full((20, 10, 3), 9, np.uint8), np.full((20, 10), 255, np.uint8))
        sink.write(frame.blend([patch]))
    with Image.open(tmp_path / "out.png") as image:
        assert image.getexif()[ExifTags.Base.Orientation] == turn
        assert image.getexif()[ExifTags.Base.Model] == "A camera"
        assert image.info["icc_profile"] == PROFILE
        result = np.array(ImageOps.exif_transpose(image))
    assert (result[4:24, 2:12] == 9).all()
    result[4:24, 2:12] = upright[4:24, 2:12]
    assert (result == upright).all()


def test_orientation_in_xmp_alone(tmp_path):
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
    )
    path = save(tmp_path / "in.jpg", draw(0), xmp=xmp)
    with open_source(path) as source:
        assert source.size == (48, 64)
        assert abs(next(iter(source)).rgb().astype(int) - np.rot90(draw(0), -1)).mean() < 2
    convert(path, tmp_path / "out.jpg")
    with Image.open(tmp_path / "out.jpg") as image:
        assert image.getexif()[ExifTags.Base.Orientation] == 6


def exif_with_pictures() -> bytes:
    """As a camera writes it: a thumbnail in a directory of its own, a preview in the maker's note."""
    picture = io.BytesIO()
    Image.fromarray(draw(0)).save(picture, "JPEG")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    noted = exif.get_ifd(ExifTags.IFD.Exif)
    noted[ExifTags.Base.DateTimeOriginal] = "2020:02:02 02:02:02"
    noted[ExifTags.Base.MakerNote] = b"secret" + picture.getvalue()
    noted[ExifTags.Base.UserComment] = picture.getvalue()
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitudeRef] = "N"
    first = exif.tobytes()[6:]
    count = struct.unpack_from(">H", first, 8)[0]
    thumbnail = [(0x103, 4, 1, 6), (0x201, 4, 1, len(first) + 42), (0x202, 4, 1, len(picture.getvalue()))]
    second = struct.pack(">H", 3) + b"".join(struct.pack(">HHII", *entry) for entry in thumbnail) + bytes(4)
    link = 10 + 12 * count  # where the first directory names the next
    first = first[:link] + struct.pack(">I", len(first)) + first[link + 4 :]
    return b"Exif\0\0" + first + second + picture.getvalue()


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_no_picture_of_the_real_face_goes_along(tmp_path, suffix):
    Image.new("RGB", (64, 48)).save(tmp_path / f"in{suffix}", exif=exif_with_pictures())
    with Image.open(tmp_path / f"in{suffix}") as image:
        assert image.getexif().get_ifd(ExifTags.IFD.IFD1)
    assert convert(tmp_path / f"in{suffix}", tmp_path / f"out{suffix}") == [
        "left out of its EXIF data: the thumbnail, the maker's note, UserComment, which holds a picture"
    ]
    assert (tmp_path / f"out{suffix}").read_bytes().count(b"\xff\xd8\xff") == (suffix == ".jpg")
    with Image.open(tmp_path / f"out{suffix}") as image:
        exif = image.getexif()
    assert exif[ExifTags.Base.Orientation] == 6
    assert dict(exif.get_ifd(ExifTags.IFD.Exif)) == {ExifTags.Base.DateTimeOriginal: "2020:02:02 02:02:02"}
    assert dict(exif.get_ifd(ExifTags.IFD.GPSInfo)) == {ExifTags.GPS.GPSLatitudeRef: "N"}
    assert dict(exif.get_ifd(ExifTags.IFD.IFD1)) == {}


def test_damaged_exif_costs_a_notice(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Model] = "A camera of a long name"
    Image.new("RGB", (64, 48)).save(tmp_path / "in.jpg", exif=exif.tobytes()[:-9])
    assert convert(tmp_path / "in.jpg", tmp_path / "out.jpg") == ["its EXIF data is damaged; the readable part is kept"]


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_transparency_stays(tmp_path, suffix):
    rgba = np.dstack([draw(0), np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))])
    path = save(tmp_path / f"in{suffix}", rgba, **({"lossless": True} if suffix == ".webp" else {}))
    convert(path, tmp_path / f"out{suffix}")
    assert (load(tmp_path / f"out{suffix}")[..., 3] == rgba[..., 3]).all()
    assert convert(path, tmp_path / "out.jpg") == ["the transparency is left out; JPEG has none"]


def test_a_gray_of_16_bits_that_is_transparent_stays_so(tmp_path):
    deep = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64) * 20
    Image.fromarray(deep).save(tmp_path / "in.png", transparency=2000)
    convert(tmp_path / "in.png", tmp_path / "out.png")
    pixels = load(tmp_path / "out.png")
    assert (pixels[..., 3] == (deep != 2000) * 255).all()
    assert (pixels[..., 0] == deep >> 8).all()


def test_deep_and_gray_and_cmyk(tmp_path):
    deep = (draw(0)[..., 0].astype(np.uint16) << 8) + 77
    Image.fromarray(deep).save(tmp_path / "deep.png")
    assert convert(tmp_path / "deep.png", tmp_path / "deep.toon.png") == [
        "stored with 16 bits a channel; converted to 8"
    ]
    assert (load(tmp_path / "deep.toon.png") == draw(0)[..., :1]).all()
    Image.new("RGB", (1600, 16)).save(tmp_path / "wide.png")
    assert convert(tmp_path / "wide.png", tmp_path / "wide.toon.png") == []
    assert cv2.imwrite(str(tmp_path / "deep-colours.png"), np.full((16, 16, 3), 0x7F4D, np.uint16))
    assert convert(tmp_path / "deep-colours.png", tmp_path / "deep-colours.toon.png") == [
        "stored with 16 bits a channel; converted to 8"
    ]
    path = save(tmp_path / "gray.jpg", draw(0)[..., 0])
    convert(path, tmp_path / "gray.toon.jpg")
    assert abs(load(tmp_path / "gray.toon.jpg").astype(int) - draw(0)[..., :1]).mean() < 2
    Image.fromarray(draw(0)).convert("CMYK").save(tmp_path / "cmyk.jpg", quality=100)
    assert convert(tmp_path / "cmyk.jpg", tmp_path / "cmyk.toon.jpg") == ["stored in CMYK; converted to RGB"]
    assert abs(load(tmp_path / "cmyk.toon.jpg").astype(int) - draw(0)).mean() < 6


def _gray_profile() -> bytes:
    """Of light itself, not of what the eye makes of it: a white point and a tone curve that is straight."""
    white = b"XYZ " + struct.pack(">4x3i", *(round(65536 * value) for value in (0.9642, 1, 0.8249)))
    straight = b"curv" + struct.pack(">4xI", 0)
    start = 128 + 4 + 2 * 12
    tags = struct.pack(">I4sII4sII", 2, b"wtpt", start, len(white), b"kTRC", start + len(white), len(straight))
    body = tags + white + straight
    head = struct.pack(">I4sI4s4s4s12x4s", 128 + len(body), b"", 0x02400000, b"mntr", b"GRAY", b"XYZ ", b"acsp")
    return head.ljust(68, b"\0") + white[8:] + bytes(48) + body


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_a_gray_profile_is_not_for_colours(tmp_path, suffix):
    path = save(tmp_path / "in.png", np.full((16, 16), 128, np.uint8), icc_profile=_gray_profile())
    assert convert(path, tmp_path / f"out{suffix}") == []
    with Image.open(tmp_path / f"out{suffix}") as written:
        assert "icc_profile" not in written.info
    assert abs(load(tmp_path / f"out{suffix}").astype(int) - 188).max() <= 1  # half of the light, in sRGB


def test_a_gray_profile_beside_transparency_and_16_bits(tmp_path):
    gray, alpha = np.full((16, 16), 128, np.uint8), np.tile(np.arange(16, dtype=np.uint8) * 17, (16, 1))
    save(tmp_path / "alpha.png", np.dstack([gray, alpha]), icc_profile=_gray_profile())
    save(tmp_path / "one.png", gray, icc_profile=_gray_profile(), transparency=128)
    save(tmp_path / "deep.png", gray.astype(np.uint16) << 8, icc_profile=_gray_profile())
    for name, wanted in (("alpha", alpha), ("one", 0), ("deep", None)):
        convert(tmp_path / f"{name}.png", tmp_path / f"{name}.toon.png")
        pixels = load(tmp_path / f"{name}.toon.png")
        assert abs(pixels[..., :3].astype(int) - 188).max() <= 1
        assert pixels.shape[2] == 3 if wanted is None else (pixels[..., 3] == wanted).all()
        with Image.open(tmp_path / f"{name}.toon.png") as written:
            assert "icc_profile" not in written.info


def test_a_moving_webp_is_told(tmp_path):
    frames = [Image.fromarray(draw(index)) for index in range(4)]
    frames[0].save(tmp_path / "in.webp", save_all=True, append_images=frames[1:], duration=40)
    with pytest.raises(InputError, match="animated WebP cannot be read; save it as a video or as GIF"):
        open_source(tmp_path / "in.webp")


def test_a_moving_picture_is_a_video(tmp_path):
    frames = [Image.fromarray(draw(index)) for index in range(4)]
    frames[0].save(tmp_path / "in.png", save_all=True, append_images=frames[1:], duration=40)
    assert default_output(tmp_path / "in.png") == tmp_path / "in.toon.mp4"
    with open_source(tmp_path / "in.png") as source:
        assert len(list(source)) == 4


def test_content_goes_before_the_name(tmp_path):
    encoded = io.BytesIO()
    Image.fromarray(draw(0)).save(encoded, "PNG")
    for name in ("in.mp4", "in"):
        path = tmp_path / name
        path.write_bytes(encoded.getvalue())
        assert default_output(path) == tmp_path / "in.toon.png"
        with open_source(path) as source:
            assert source.length == 1
            with pytest.raises(InputError, match="name the output of a photo"):
                open_sink(tmp_path / "out.mp4", source)


@pytest.mark.parametrize("suffix", [".jfif", ".jpe"])
def test_other_names_of_jpeg(tmp_path, suffix):
    path = tmp_path / f"in{suffix}"
    Image.fromarray(draw(0)).save(path, "JPEG")
    assert convert(path, default_output(path)) == []
    with Image.open(tmp_path / f"in.toon{suffix}") as image:
        assert (image.format, image.size) == ("JPEG", (64, 48))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_a_single_pixel(tmp_path, mode):
    path = tmp_path / "in.png"
    Image.new(mode, (1, 1), "white").save(path)
    convert(path, default_output(path))
    assert (load(default_output(path)) == 255).all()


def test_a_photo_whose_end_is_missing(tmp_path):
    path = save(tmp_path / "in.jpg", draw(0))
    whole = load(path)
    path.write_bytes(path.read_bytes()[:-40])
    assert convert(path, tmp_path / "out.png") == ["the file is cut short; the missing part of the picture is gray"]
    assert (load(tmp_path / "out.png")[:40] == whole[:40]).all()


def test_photos_of_200_megapixels_are_no_bombs(tmp_path):
    """Phones make them. This is the head of one alone: a whole one takes long."""
    head = b"IHDR" + struct.pack(">2I5B", 16_320, 12_240, 8, 2, 0, 0, 0)
    path = tmp_path / "in.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n\0\0\0\x0d" + head + struct.pack(">I", zlib.crc32(head)) + b"\0\0\0\0IDAT" + bytes(4)
    )
    with warnings.catch_warnings(action="error"), Image.open(path) as image:
        assert image.size == (16_320, 12_240)
    assert photo_suffix(path) == ".png"


def test_a_pipe_is_told_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "in.mp4")
    with pytest.raises(InputError, match="a pipe or a device"):
        convert(tmp_path / "in.mp4", default_output(tmp_path / "in.mp4"))
