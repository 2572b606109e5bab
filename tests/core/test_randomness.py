"""Each purpose under a seed has a stream of its own."""

from carina.core import generator


def numbers(seed: int, *purpose: str | int) -> list[int]:
    """The first numbers of a stream."""
    return list(generator(seed, *purpose).integers(2**40, size=4).tolist())


def test_one_seed_and_purpose_give_one_stream() -> None:
    assert numbers(7, "fold", 1) == numbers(7, "fold", 1)


def test_seeds_and_purposes_have_streams_of_their_own() -> None:
    streams = [
        numbers(7),
        numbers(8),
        numbers(7, "fold"),
        numbers(7, "fold", 1),
        numbers(7, "fold", 2),
        numbers(7, "fold1"),
        numbers(7, "split", 1),
    ]

    assert len({tuple(stream) for stream in streams}) == len(streams)
