"""How often a face is bare in what goes out, of scenes meant to bring it about; counts, and no clock."""

import numpy as np
import pytest
from support.bare import Show
from support.live_rig import sample_head, scene


@pytest.fixture(scope="module")
def head() -> np.ndarray:
    return sample_head()


@pytest.mark.parametrize("calm", [5, 6])
@pytest.mark.parametrize(("scale", "light"), [(0.7, 0.1), (0.3, 0.06)])
def test_a_calm_face_that_jumps_and_goes_is_never_shown_again(head, calm, scale, light):
    """In the frame after a look, and in the one after that: one of them is expected to do without a look."""

    def picture(x: float, seed: int) -> np.ndarray:
        """The head at x before grey, nobody where x is 0, as a camera with some noise sees it."""
        heads = [(head, x, 120, scale)] if x else []
        lit = scene(*heads, canary=False, size=(480, 270)) * light
        return np.clip(lit + np.random.default_rng(seed).normal(0, light, lit.shape), 0, 255).astype(np.uint8)

    show = Show()
    for index in range(calm):
        show(picture(110, index))
    jumped = picture(360, 99)
    went_on = [jumped, *[picture(0, 200 + index) for index in range(6)]]
    assert sum(show.bare(one, jumped, 360, 120, 320 * scale) for one in went_on) == 0
    assert show.shown[-1] in ("held", "blurred")
