"""Learning rates over a stage."""

from toonstream_train.core.schedules import constant, linear_decay, polynomial_decay, step_decay


def test_schedules() -> None:
    shares = (0.0, 0.25, 0.5, 0.75)

    def at(schedule: object) -> list[float]:
        return [schedule(share) for share in shares]  # type: ignore[operator]

    assert at(constant) == [1, 1, 1, 1]
    assert at(linear_decay()) == [1, 0.75, 0.5, 0.25]
    assert at(linear_decay(after=0.5)) == [1, 1, 1, 0.5]
    assert at(polynomial_decay(2)) == [1, 0.5625, 0.25, 0.0625]
    assert at(step_decay({0.5: 0.1, 0.75: 0.5})) == [1, 1, 0.1, 0.05]
