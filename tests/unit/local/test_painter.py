"""The painter: equal briefs give equal bytes, and the words of a prompt are visible in the image."""

from __future__ import annotations

import io
from functools import lru_cache
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from local.painter import Brief, paint
from local.painter.shapes import SHAPES
from local.painter.styles import STYLES
from local.painter.words import read

SIDE = 192
PROMPTS = (
    "a lighthouse on a cliff at sunset, stormy sea",
    "a red fox in a snowy pine forest at dawn",
    "neon city skyline in the rain at night",
    "a teapot on a blue table",
)


@lru_cache(maxsize=256)
def paint_prompt(prompt: str, *, negative: str = "", style: str = "", seed: int = 1, side: int = SIDE) -> np.ndarray:
    data = paint(Brief(prompt, negative, style, side, side, seed))
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), np.float32) / 255


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Return the mean difference of two images, reduced to eight by eight fields."""
    small = [Image.fromarray((x * 255).astype(np.uint8)).resize((8, 8), Image.Resampling.BOX) for x in (a, b)]
    first, second = (np.asarray(image, np.float32) / 255 for image in small)
    return float(np.abs(first - second).mean())


def test_equal_briefs_give_equal_bytes() -> None:
    for prompt in ("a fox, watercolor", "an unheard-of thing"):
        assert paint(Brief(prompt, width=SIDE, height=SIDE, seed=5)) == paint(
            Brief(prompt, width=SIDE, height=SIDE, seed=5)
        )


@pytest.mark.parametrize(
    "other",
    [
        Brief("a sailboat", width=SIDE, height=SIDE, seed=2),
        Brief("a sailboat", "clouds", width=SIDE, height=SIDE, seed=1),
        Brief("a sailboat", style="anime", width=SIDE, height=SIDE, seed=1),
        Brief("a sailboat at night", width=SIDE, height=SIDE, seed=1),
    ],
    ids=["seed", "negative prompt", "style", "prompt"],
)
def test_every_part_of_a_brief_changes_the_image(other: Brief) -> None:
    assert paint(Brief("a sailboat", width=SIDE, height=SIDE, seed=1)) != paint(other)


def test_four_prompts_look_like_four_images() -> None:
    images = [paint_prompt(prompt) for prompt in PROMPTS]
    assert min(distance(a, b) for a, b in combinations(images, 2)) > 0.07


def test_unknown_words_give_different_images() -> None:
    images = [paint_prompt(prompt) for prompt in ("silence", "bureaucracy", "thunderous applause")]
    assert min(distance(a, b) for a, b in combinations(images, 2)) > 0.07


@pytest.mark.parametrize(("colour", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
@pytest.mark.parametrize("prompt", ["a {} table with a cup", "a {} idea", "a {} desert"])
def test_a_colour_word_shifts_the_palette(prompt: str, colour: str, channel: int) -> None:
    means = paint_prompt(prompt.format(colour)).mean(axis=(0, 1))
    grey = paint_prompt(prompt.format("grey")).mean(axis=(0, 1))
    share, usual = means[channel] / means.sum(), grey[channel] / grey.sum()
    assert share > usual + 0.01


def test_night_is_darker_than_dusk_and_dusk_than_noon() -> None:
    night, dusk, noon = (paint_prompt(f"a cabin in the hills at {hour}").mean() for hour in ("night", "dusk", "noon"))
    assert night < dusk < noon


def test_fog_reduces_contrast() -> None:
    clear, foggy = (
        np.abs(np.diff(paint_prompt(prompt), axis=1)).mean() for prompt in ("pine forest", "pine forest, fog")
    )
    assert foggy < clear


def test_objects_of_the_negative_prompt_are_omitted() -> None:
    scene = read("a cat and a dog on a beach in the rain, blue sky", "dog, rain, blue")
    assert [subject.kind for subject in scene.subjects] == ["cat"]
    assert not scene.weather
    assert not scene.colours
    assert scene.place("beach")


def test_a_colour_belongs_to_the_noun_after_it() -> None:
    scene = read("a red balloon over a purple desert")
    assert scene.subjects[0].colour == read("red idea").colours[0]
    assert scene.place("desert") is not None
    assert scene.place("desert").colour == read("purple idea").colours[0]  # type: ignore[union-attr]


def test_numbers_and_plurals_are_counted() -> None:
    assert [s.count for s in read("two moons, three boats and foxes").subjects] == [2, 3, 2]


def test_the_style_parameter_overrides_style_words() -> None:
    assert read("a fox, watercolor").style == "watercolor"
    assert read("a fox, watercolor", style="pixel-art").style == "pixel"
    assert read("a fox", style="PHOTOREALISM").style == "photo"


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_every_shape_is_visible(kind: str) -> None:
    words = {"pine": "fir", "blossom": "cherry tree", "vase": "bouquet", "sailboat": "boat", "fruit": "apple"}
    scenery = "on a table" if kind in ("teapot", "cup", "vase", "fruit", "book") else "in a meadow"
    subject = words.get(kind, kind)
    assert kind in [s.kind for s in read(f"{subject} {scenery}").subjects]
    shown, empty = paint_prompt(f"{subject} {scenery}", side=96), paint_prompt(scenery, side=96)
    assert np.abs(shown - empty).mean() > 0.01


@pytest.mark.parametrize("style", sorted(STYLES))
def test_every_style_keeps_the_image_in_range(style: str) -> None:
    rng = np.random.default_rng(1)
    plain = paint_prompt("a house on a hill at sunset", side=128)
    styled = STYLES[style](plain.copy(), rng)
    assert np.isfinite(styled).all()
    assert distance(plain, np.clip(styled, 0, 1)) < 0.5


@pytest.mark.parametrize("size", [(320, 1280), (1280, 320), (64, 64)])
def test_any_requested_size_is_returned(size: tuple[int, int]) -> None:
    data = paint(Brief("a bridge over a river", width=size[0], height=size[1]))
    assert Image.open(io.BytesIO(data)).size == size


def test_the_format_can_be_jpeg() -> None:
    assert Image.open(io.BytesIO(paint(Brief("a cat", width=64, height=64, format="jpeg")))).format == "JPEG"
