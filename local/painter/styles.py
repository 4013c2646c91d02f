"""Ways to render: each takes the finished picture and returns it as that medium would show it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from local.painter.canvas import Array, blend, blur, fractal, grid, mix, noise, screen, shifted, smooth, solid

Style = Callable[[Array, np.random.Generator], Array]
_GREY = np.asarray((0.3, 0.59, 0.11), np.float32)


def grey(picture: Array) -> Array:
    """Luminance."""
    return (picture @ _GREY).astype(np.float32)


def _image(picture: Array) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8))


def _array(image: Image.Image) -> Array:
    return np.asarray(image, np.float32) / 255


def saturate(picture: Array, factor: float) -> Array:
    """More or less colour at the same brightness."""
    level = grey(picture)[..., None]
    return np.clip(level + (picture - level) * factor, 0, 1)


def watercolor(picture: Array, rng: np.random.Generator) -> Array:
    """Washes with wandering, darker edges on grainy paper that stays white at the rim."""
    height, width = picture.shape[:2]
    wander = max(2.0, width / 130)
    rows = np.arange(height)[:, None] + (fractal(rng, width, height, 26, 3) - 0.5) * wander * 2.4
    columns = np.arange(width)[None, :] + (fractal(rng, width, height, 26, 3) - 0.5) * wander * 2.4
    moved = picture[np.clip(rows, 0, height - 1).astype(np.int32), np.clip(columns, 0, width - 1).astype(np.int32)]
    flat = _image(moved).filter(ImageFilter.MedianFilter(5))
    wash = _array(flat)
    wash = 1 - (1 - saturate(wash, 1.3)) * 0.86
    level = grey(wash)
    edge = np.clip(np.abs(level - blur(level, width / 110)) * 2.4, 0, 0.3)
    pool = fractal(rng, width, height, 5, 6)
    wash = np.clip(wash, 0, 1) ** (0.6 + 0.56 * pool[..., None])
    wash *= (1 - edge)[..., None]
    paper = 0.955 + 0.07 * (noise(rng, width, height, 300) - 0.5) + 0.03 * (noise(rng, width, height, 90) - 0.5)
    x, y = grid(width, height)
    rim = np.minimum(np.minimum(x, 1 - x) * width, np.minimum(y, 1 - y) * height) / min(width, height)
    cover = smooth(0.022, 0.045, rim + 0.04 * (fractal(rng, width, height, 11, 5) - 0.5))
    sheet = solid((0.985, 0.972, 0.945))
    return (sheet + (np.clip(wash, 0, 1) - sheet) * cover[..., None]) * (paper / 0.955)[..., None]


def oil(picture: Array, rng: np.random.Generator) -> Array:
    """Three layers of brush strokes along the picture's own contours, with the light catching their ridges."""
    height, width = picture.shape[:2]
    vivid = saturate(picture, 1.25)
    level = blur(grey(vivid), width / 60)
    down, across = np.gradient(level)
    angle = np.arctan2(across, -down) + (fractal(rng, width, height, 4, 3) - 0.5) * 1.2
    detail = np.abs(grey(vivid) - blur(grey(vivid), width / 90))
    image = _image(_array(_image(vivid).filter(ImageFilter.BoxBlur(width / 60))))
    pen = ImageDraw.Draw(image)
    unit = min(width, height) / 640
    for count, long, wide, fussy in ((2600, 30, 11, 0.0), (4200, 17, 6, 0.006), (16000, 7, 2.4, 0.024)):
        spots = rng.random((count, 4))
        for x, y, a, b in spots:
            column, row = int(x * (width - 1)), int(y * (height - 1))
            if detail[row, column] < fussy:
                continue
            tone = vivid[row, column] * (0.94 + 0.12 * a) + (b - 0.5) * 0.035
            turn = float(angle[row, column])
            dx, dy = np.cos(turn) * long * unit / 2, np.sin(turn) * long * unit / 2
            red, green, blue = (int(v) for v in np.clip(tone, 0, 1) * 255)
            pen.line(
                [(column - dx, row - dy), (column + dx, row + dy)],
                fill=(red, green, blue),
                width=max(1, round(wide * unit * (0.7 + 0.6 * b))),
            )
    painted = _array(image)
    ridges = grey(painted)
    relief = ridges - shifted(ridges, 1, 1)
    weave = noise(rng, width, height, 340)
    return np.clip(painted + (relief * 0.4 + (weave - 0.5) * 0.045)[..., None], 0, 1)


def pixel(picture: Array, rng: np.random.Generator) -> Array:
    """Some 144 pixels across, 28 colours."""
    height, width = picture.shape[:2]
    short = 112
    small = (round(width * short / min(width, height)), round(height * short / min(width, height)))
    vivid = _image(saturate(np.clip((picture - 0.5) * 1.1 + 0.52, 0, 1), 1.25)).resize(small, Image.Resampling.BOX)
    few = vivid.quantize(28, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    return _array(few.convert("RGB"))


def line(picture: Array, rng: np.random.Generator) -> Array:
    """Ink on paper: outlines where tones change, hatching where it is dark."""
    height, width = picture.shape[:2]
    level = grey(picture)
    level = (level - level.min()) / max(float(np.ptp(level)), 1e-3)
    fine, coarse = blur(level, width / 620), blur(level, width / 300)
    dim = 0.25 + 0.75 * blur(level, width / 20)
    ink = smooth(0.008, 0.035, (coarse - fine) / dim)
    down, across = np.gradient(fine)
    ink = np.maximum(ink, smooth(0.03, 0.1, np.hypot(down, across) / dim))
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    pitch = 2 * np.pi / max(4.2, width / 150)
    shake = 4 * fractal(rng, width, height, 8, 3)
    for threshold, slant in zip(np.percentile(coarse[::4, ::4], (26, 9)), (1.0, -1.0), strict=True):
        hatch = smooth(0.1, 0.85, np.sin((x + slant * y) * pitch * 0.7 + shake)) * smooth(
            float(threshold), float(threshold) - 0.1, coarse
        )
        ink = np.maximum(ink, hatch * 0.72)
    paper = solid((0.975, 0.96, 0.925)) * (0.985 + 0.03 * noise(rng, width, height, 200))[..., None]
    drawn: Array = paper + (saturate(picture, 0.8) - paper) * 0.1
    blend(drawn, solid((0.1, 0.11, 0.16)), np.clip(ink, 0, 1))
    return drawn


def lowpoly(picture: Array, rng: np.random.Generator) -> Array:
    """Flat triangles, finer where there is something to see."""
    return _facets(saturate(picture, 1.2), rng, 46, 0.05)


def origami(picture: Array, rng: np.random.Generator) -> Array:
    """Large folded facets of paper, each with its own light."""
    height, width = picture.shape[:2]
    folded = _facets(saturate(picture, 1.1), rng, 34, 0.085)
    return np.clip(folded * (0.97 + 0.06 * noise(rng, width, height, 260))[..., None] + 0.03, 0, 1)


def _facets(picture: Array, rng: np.random.Generator, cells: int, fold: float) -> Array:
    height, width = picture.shape[:2]
    step = max(width, height) / cells
    columns, rows = int(width / step) + 4, int(height / step) + 4
    level = blur(grey(picture), step / 5)
    down, across = np.gradient(level)
    edge = np.hypot(down, across)
    points = np.zeros((rows, columns, 2), np.float32)
    for row in range(rows):
        for column in range(columns):
            tries = (np.array([column - 1.2 + 0.5 * (row % 2), row - 1.0]) + (rng.random((7, 2)) - 0.5) * 0.85) * step
            inside = np.clip(tries, 0, (width - 1, height - 1)).astype(int)
            points[row, column] = tries[int(np.argmax(edge[inside[:, 1], inside[:, 0]]))]
    small = _array(_image(picture).filter(ImageFilter.BoxBlur(step / 5)))
    over = 2
    image = Image.new("RGB", (width * over, height * over))
    pen = ImageDraw.Draw(image)
    for row in range(rows - 1):
        for column in range(columns - 1):
            a, b = points[row, column], points[row, column + 1]
            c, d = points[row + 1, column], points[row + 1, column + 1]
            halves = ((a, b, c), (b, d, c)) if row % 2 else ((a, b, d), (a, d, c))
            for triangle in halves:
                middle = sum(triangle) / 3
                x, y = int(np.clip(middle[0], 0, width - 1)), int(np.clip(middle[1], 0, height - 1))
                tone = np.clip(small[y, x] * (1 + fold * (rng.random() * 2 - 1)) * 255, 0, 255)
                pen.polygon(
                    [(float(p[0]) * over, float(p[1]) * over) for p in triangle], fill=tuple(int(v) for v in tone)
                )
    return _array(image.reduce(over))


def neon(picture: Array, rng: np.random.Generator) -> Array:
    """Deep violet shadows, magenta and cyan lights that bleed."""
    level = grey(picture)
    dark, light = solid((0.05, 0.015, 0.13)), solid((0.98, 0.92, 1.0))
    graded = dark + (light - dark) * (level**1.25)[..., None]
    graded = graded * 0.35 + saturate(picture, 1.55) * solid((0.98, 0.82, 1.12)) * 0.72
    bright = smooth(0.5, 0.9, picture.max(axis=2))
    width = picture.shape[1]
    screen(graded, (blur(bright, width / 40) * 0.35)[..., None] * solid((1, 0.25, 0.8)))
    screen(graded, (blur(bright, width / 14) * 0.3)[..., None] * solid((0.1, 0.6, 1)))
    return np.clip(graded, 0, 1)


def flat(picture: Array, rng: np.random.Generator) -> Array:
    """A poster: few colours, clean shapes."""
    clean = _image(saturate(np.clip(picture * 1.05, 0, 1), 1.3)).filter(ImageFilter.MedianFilter(5))
    palette = clean.reduce(4).quantize(20, method=Image.Quantize.MAXCOVERAGE, kmeans=2)
    few = clean.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")
    return _array(few.filter(ImageFilter.MedianFilter(5)).filter(ImageFilter.GaussianBlur(0.6)))


def comic(picture: Array, rng: np.random.Generator) -> Array:
    """Flat colours, ink outlines, dots in the half-tones."""
    height, width = picture.shape[:2]
    base = _array(_image(saturate(picture, 1.4)).filter(ImageFilter.MedianFilter(5)))
    level = grey(base)
    steps = base * ((np.round(level * 7) / 7 + 0.03) / (level + 0.03))[..., None]
    x, y = np.arange(width, dtype=np.float32)[None, :], np.arange(height, dtype=np.float32)[:, None]
    pitch = 2 * np.pi / max(5.0, width / 110)
    dots = np.sin((x + y) * pitch * 0.7) * np.sin((x - y) * pitch * 0.7)
    tone = smooth(-0.1, 0.15, dots - (level - 0.42) * 2.6) * smooth(0.12, 0.3, level) * 0.24
    steps = steps * (1 - tone)[..., None]
    ink = smooth(0.018, 0.06, blur(level, width / 280) - blur(level, width / 640))
    return np.clip(steps * (1 - 0.92 * ink)[..., None], 0, 1)


def anime(picture: Array, rng: np.random.Generator) -> Array:
    """Clean, bright, saturated cel colours with fine outlines and an airy glow."""
    width = picture.shape[1]
    smooth_image = _array(_image(picture).filter(ImageFilter.MedianFilter(5)))
    vivid = saturate(np.clip(smooth_image * 1.06 + 0.02, 0, 1), 1.45)
    level = grey(vivid)
    steps = (np.floor(level * 9) + smooth(0.35, 0.65, level * 9 - np.floor(level * 9))) / 9
    cel = vivid * ((steps + 0.04) / (level + 0.04))[..., None]
    ink = smooth(0.03, 0.09, blur(level, width / 380) - level)
    cel = np.clip(cel, 0, 1) * (1 - 0.55 * ink)[..., None]
    screen(cel, (blur(smooth(0.7, 1, level), width / 26) * 0.2)[..., None] * solid((1, 0.97, 0.92)))
    return np.clip(cel, 0, 1)


def noir(picture: Array, rng: np.random.Generator) -> Array:
    """Black and white with deep blacks and film grain."""
    height, width = picture.shape[:2]
    level = grey(picture)
    low, high = np.percentile(level[::4, ::4], (2, 99))
    level = smooth(-0.04, 1.02, (level - low) / max(float(high - low), 0.05)) ** 1.08
    level += (noise(rng, width, height, max(width, height) * 0.6) - 0.5) * 0.07
    return np.clip(level, 0, 1)[..., None] * solid((1.0, 0.99, 0.965))


def photo(picture: Array, rng: np.random.Generator) -> Array:
    """A lens: shallow depth of field above and below, teal shadows, warm lights, a filmic curve."""
    height, width = picture.shape[:2]
    _, y = grid(width, height)
    soft = _array(_image(picture).filter(ImageFilter.GaussianBlur(width / 210)))
    out = np.maximum(smooth(0.86, 1.0, y), smooth(0.3, 0.0, y) * 0.7)[..., None]
    sharp = picture + (soft - picture) * out
    level = grey(sharp)[..., None]
    graded: Array = sharp + (solid((-0.022, 0.006, 0.026)) * (1 - level) + solid((0.03, 0.008, -0.03)) * level)
    graded += (smooth(0, 1, graded) - graded) * 0.4
    return graded


def fantasy(picture: Array, rng: np.random.Generator) -> Array:
    """Rich colour, a dreamy glow, floating sparks."""
    height, width = picture.shape[:2]
    rich = saturate(picture, 1.32)
    screen(rich, np.stack([blur(smooth(0.45, 1, rich[..., c]), width / 22) for c in range(3)], axis=-1) * 0.32)
    sparks = smooth(0.99965, 0.99995, rng.random((height, width), np.float32))
    screen(
        rich, (blur(sparks, 2.0) * 6 + blur(sparks, 6.0) * 12)[..., None] * solid(mix((1, 0.9, 0.6), (1, 1, 1), 0.3))
    )
    return np.clip(rich, 0, 1)


STYLES: dict[str, Style] = {
    "watercolor": watercolor, "oil": oil, "pixel": pixel, "line": line, "lowpoly": lowpoly, "origami": origami,
    "neon": neon, "flat": flat, "comic": comic, "anime": anime, "noir": noir, "photo": photo, "fantasy": fantasy,
}  # fmt: skip
