"""Settings. Presets: test_configs.py."""

from pathlib import Path

import pytest
from toonstream_engines.errors import InputError
from toonstream_train.core import settings
from toonstream_train.recipes.cartoongan import CartoonGANSettings
from toonstream_train.recipes.drawing_student import DrawingStudent
from toonstream_train.recipes.quick import Quick


def test_settings_are_checked(tmp_path: Path) -> None:
    file = tmp_path / "s.toml"
    file.write_text("batch = 3\nomega = 2\n[training]\nclip = 7\n[geometry]\nscale = [0.5, 2.0]\nweights = {a = 0.5}\n")
    read = settings.read(CartoonGANSettings(), file, ["training.seed=5", "content.weights=some/file"])
    assert (read.batch, read.omega, read.training.clip, read.training.seed) == (3, 2.0, 7.0, 5)
    assert (read.geometry.scale, read.geometry.weights) == ((0.5, 2.0), {"a": 0.5})
    assert read.content.weights == "some/file"
    for wrong, why in (
        ("batsh=1", "no setting 'batsh'"),
        ("batch=x", "batch cannot be 'x'; it is 4 by default"),
        ("batch", "name=value"),
        ("content_norm=L2", "content_norm cannot be 'L2'; it is one of l1, l2"),
        ("content_norm=2", "content_norm cannot be 2; it is 'l1' by default"),
        ("geometry.scale=[0.5, large]", "cannot be"),
        ('geometry.scale=[0.5, "large"]', r"scale cannot be \[0.5, 'large'\]; it is \(0.5, 1.0\)"),
        ("geometry.weights.a=often", "weights cannot be {'a': 'often'}; it is {} by default"),
    ):
        with pytest.raises(InputError, match=why):
            settings.read(CartoonGANSettings(), None, [wrong])
    assert settings.read(CartoonGANSettings(), None, ["content_norm=l2"]).content_norm == "l2"


def test_a_file_of_windows(tmp_path: Path) -> None:
    """UTF-8 with a byte-order mark, and lines that end in two characters."""
    file = tmp_path / "s.toml"
    file.write_bytes(b"\xef\xbb\xbfbatch = 3 # f\xc3\xbcr zwei\r\nomega = 2.5\r\n")
    read = settings.read(CartoonGANSettings(), file, [])
    assert (read.batch, read.omega) == (3, 2.5)


def test_a_table_of_free_names_replaces_the_default(tmp_path: Path) -> None:
    """Whole in a file or in --set; a dot changes one entry. Tables of settings change what they name alone."""
    file = tmp_path / "s.toml"
    file.write_text("sizes = { 256 = 1.0 }\n[augmentation]\njitter = 0.1\n")
    default = DrawingStudent.defaults
    read = settings.read(default, file, [])
    assert read.sizes == {"256": 1.0}
    assert (read.augmentation.jitter, read.augmentation.blur) == (0.1, default.augmentation.blur)
    assert settings.read(default, file, ["sizes.512=0.1"]).sizes == {"256": 1.0, "512": 0.1}
    assert settings.read(default, None, ["sizes.512=1"]).sizes == {**default.sizes, "512": 1.0}
    assert settings.read(default, None, ["sizes={384 = 1}"]).sizes == {"384": 1.0}


@pytest.mark.parametrize("wrong", ["weights=congress", "sizes=256,384", "shape.eyes=large", "shape=film"])
def test_a_word_in_place_of_numbers(wrong: str) -> None:
    name = wrong.partition("=")[0].rpartition(".")[2]
    with pytest.raises(InputError, match=f"{name} cannot be '.*'; it is .* by default, use the same type"):
        settings.read(DrawingStudent.defaults, None, [wrong])


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ("batch=0", "batch=0: it has to be a number from 1"),
        ("discriminator_width=-4", "discriminator_width=-4: it has to be a number from 1"),
        ("steps=-5", "steps=-5: it has to be a number from 0"),
        ("learning_rate=-1.0", "learning_rate=-1.0: it has to be a number from 0"),
        ("omega=inf", "omega=inf: it has to be a number from 0"),
        ("omega=nan", "omega=nan: it has to be a number from 0"),
        ("beta1=1.0", "beta1=1.0: it has to be below 1"),
        ("training.log_steps=0", "training.log_steps=0: it has to be a number from 1"),
        (f"training.seed={1 << 63}", "training.seed=9223372036854775808: it has to be below"),
        ("geometry.rotation=-5.0", "geometry.rotation=-5.0: it has to be a number from 0"),
        ("geometry.scale=[0.0, 1.0]", r"geometry.scale=\[0.0, 1.0\]: it has to be from a number above 0"),
        ("geometry.scale=[1.0, 0.5]", r"geometry.scale=\[1.0, 0.5\]: it has to be from a number above 0"),
    ],
)
def test_numbers_that_nothing_can_be_trained_with(wrong: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        settings.read(CartoonGANSettings(), None, [wrong])


def test_proportions_may_be_negative() -> None:
    assert settings.read(DrawingStudent.defaults, None, ["shape.jaw=-0.1"]).shape.jaw == -0.1


def test_a_size_is_a_number_of_pixels() -> None:
    for size in ("large", "100", "0", "768"):
        with pytest.raises(InputError, match=f"sizes.{size}: a size is a multiple of 32, in pixels, and 736 at most"):
            DrawingStudent(settings.read(DrawingStudent.defaults, None, [f"sizes.{size}=0.5"]))
    with pytest.raises(InputError, match="sizes: no size is ever taken"):
        DrawingStudent(settings.read(DrawingStudent.defaults, None, ["sizes={}"]))


def test_the_side_of_a_patch_is_a_multiple_of_32() -> None:
    for size in (100, 0):
        with pytest.raises(InputError, match=f"geometry.size={size}: it has to be a multiple of 32, in pixels"):
            settings.read(Quick.defaults, None, [f"geometry.size={size}"])


def test_the_discriminators_window_lies_within_the_patch() -> None:
    with pytest.raises(InputError, match=r"window=64: it cannot be larger than geometry\.size, 32"):
        Quick(settings.read(Quick.defaults, None, ["geometry.size=32"]))
