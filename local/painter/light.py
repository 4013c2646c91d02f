"""The light of an hour: sky colours, where the sun stands, and how much of a thing's own colour is left to see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from local.painter.canvas import Colour, mix, rgb
from local.painter.words import Scene


@dataclass(frozen=True)
class Light:
    """Colours of one hour. `sun` is where it stands (fractions of the picture), `day` from 0 (night) to 1 (noon)."""

    top: Colour
    middle: Colour
    horizon: Colour
    glow: Colour
    shade: Colour
    day: float
    sun: tuple[float, float]
    backlit: float

    def on(self, colour: Colour) -> Colour:
        """A thing's colour in this light."""
        lit = mix(self.shade, self.glow, 0.25 + 0.65 * self.day)
        bright = 0.5 + 0.6 * self.day
        return (colour[0] * lit[0] * bright, colour[1] * lit[1] * bright, colour[2] * lit[2] * bright)


def _light(top: str, middle: str, horizon: str, glow: str, shade: str, day: float, sun: float, backlit: float) -> Light:
    return Light(rgb(top), rgb(middle), rgb(horizon), rgb(glow), rgb(shade), day, (0.5, sun), backlit)


# The sun's height is a share of the way from the horizon (0) to the top (1).
HOURS = {
    "dawn": _light("#5674ab", "#d3a9bf", "#ffd9b3", "#ffe6c4", "#6f7fae", 0.74, 0.14, 0.35),
    "day": _light("#2d74c9", "#79b3e8", "#d6ebf5", "#fffaf0", "#8fb2dc", 1.0, 0.78, 0.0),
    "golden": _light("#5f8fc4", "#edc58d", "#ffe2a6", "#fff0c4", "#b58a76", 0.86, 0.26, 0.3),
    "sunset": _light("#2d3470", "#c2517a", "#ffa152", "#ffd387", "#6d4777", 0.52, 0.11, 0.6),
    "dusk": _light("#1a2050", "#5b4688", "#e59a86", "#ffc3a0", "#5a5a9a", 0.38, -0.06, 0.5),
    "night": _light("#050a20", "#101f48", "#2c4673", "#cfdcff", "#4a67a6", 0.16, 0.62, 0.4),
}


def light_for(scene: Scene, rng: np.random.Generator, horizon: float) -> Light:
    """The hour's light, bent by weather and by a colour asked for the whole picture."""
    light = HOURS[scene.time]
    side = float(rng.uniform(0.2, 0.4))
    x = side if rng.random() < 0.5 else 1 - side
    light = replace(light, sun=(x, horizon * (1 - light.sun[1])))
    if "storm" in scene.weather or "rain" in scene.weather:
        light = _grey(light, 0.5 if "storm" in scene.weather else 0.35)
    if scene.style == "neon":
        light = _towards(light, rgb("#ff2fa0"), rgb("#1a0b3e"), 0.55)
    wanted = [c for c in scene.colours if not any(c == thing.colour for thing in (*scene.subjects, *scene.places))]
    if wanted:
        light = _towards(light, wanted[0], wanted[-1], 0.42)
    return light


def _grey(light: Light, share: float) -> Light:
    grey = mix(rgb("#20242e"), rgb("#8b97a6"), light.day)
    return replace(
        light,
        top=mix(light.top, mix(grey, (0.05, 0.06, 0.1), 0.4), share),
        middle=mix(light.middle, grey, share),
        horizon=mix(light.horizon, grey, share * 0.5),
        day=light.day * (1 - share * 0.35),
    )


def _towards(light: Light, bright: Colour, deep: Colour, share: float) -> Light:
    return replace(
        light,
        top=mix(light.top, mix(deep, light.top, 0.4), share),
        middle=mix(light.middle, mix(bright, deep, 0.3), share),
        horizon=mix(light.horizon, bright, share),
        glow=mix(light.glow, bright, share * 0.6),
        shade=mix(light.shade, deep, share * 0.6),
    )
