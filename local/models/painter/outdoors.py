"""Landscapes, from the sky down to the blades of grass at the viewer's feet."""

from __future__ import annotations

import numpy as np

from local.models.painter import city, flora, land, sky, stage, water, weather
from local.models.painter.canvas import Array, Colour, fractal, grid, line_noise, mix, rgb, scale, screen, smooth, solid
from local.models.painter.light import Light, light_for
from local.models.painter.stage import Ground
from local.models.painter.words import Scene

_ON_LAND = (
    "meadow",
    "flowers",
    "garden",
    "hills",
    "forest",
    "mountains",
    "city",
    "desert",
    "planet",
    "river",
    "volcano",
)
_LAVENDER = rgb("#8f6fc0")


def paint(scene: Scene, rng: np.random.Generator, width: int, height: int) -> Array:
    """Back to front: sky, what stands on the horizon, water or ground, the subjects, weather, light."""
    view = _View(scene, rng, width, height)
    view.sky()
    view.backdrop()
    ground = view.ground()
    stage.set_subjects(view.picture, scene, rng, view.light, ground)
    view.foreground()
    view.falling()
    weather.settle(view.picture, view.light)
    return view.picture


class _View:
    """One landscape while it is being painted."""

    def __init__(self, scene: Scene, rng: np.random.Generator, width: int, height: int) -> None:
        self.scene, self.rng = scene, rng
        self.snowy = "snow" in scene.weather
        self.alien = bool(scene.place("planet"))
        self.wet = any(scene.place(kind) for kind in ("sea", "lake", "island", "beach"))
        if not self.wet and any(s.kind in ("sailboat", "whale", "bridge", "lighthouse") for s in scene.subjects):
            self.wet = not any(scene.place(kind) for kind in _ON_LAND)
        self.horizon = self._horizon()
        self.light = light_for(scene, rng, self.horizon)
        self.picture = sky.gradient(self.light, width, height, self.horizon)

    def _horizon(self) -> float:
        base = 0.6 if self.scene.place("mountains") or self.scene.place("volcano") else 0.56
        if self.scene.place("city"):
            base = 0.74
        if any(s.kind == "balloon" for s in self.scene.subjects):
            base = 0.66
        return base + float(self.rng.uniform(-0.02, 0.02))

    def sky(self) -> None:
        """Heavenly bodies, then clouds in front of them, then what the weather adds."""
        scene, rng, light = self.scene, self.rng, self.light
        covered = bool({"storm", "rain"} & scene.weather)
        dark = light.day < 0.3 or self.alien or "stars" in scene.weather
        if dark and not covered and "stars" not in scene.unwanted:
            sky.stars(self.picture, rng, self.horizon, 1.4 if light.day < 0.3 else 0.7)
        if "aurora" in scene.weather:
            sky.aurora(self.picture, rng, self.horizon, next(iter(scene.colours), None))
        if scene.time in ("dawn", "day", "golden", "sunset") and not covered and "day" not in scene.unwanted:
            sky.sun(self.picture, light)
        self._moons(covered)
        if "clouds" not in scene.unwanted:
            cover = 0.62 if covered else 0.55 if "clouds" in scene.weather else 0.0 if dark else 0.4
            if cover:
                sky.clouds(self.picture, rng, light, cover, self.horizon)
        if "storm" in scene.weather:
            sky.lightning(self.picture, rng, self.horizon)

    def _moons(self, covered: bool) -> None:
        scene, light = self.scene, self.light
        asked = next((s for s in scene.subjects if s.kind == "moon"), None)
        if "moon" in scene.unwanted or (asked is None and (light.day >= 0.3 or covered or "aurora" in scene.weather)):
            if self.alien and asked is None:
                sky.planet(self.picture, self.rng, light.sun[0], 0.26, 0.14, rgb("#d98f6a"))
            return
        x = light.sun[0]
        spots = [(x, 0.2, 0.085), (x + (0.24 if x < 0.5 else -0.24), 0.12, 0.04), (1 - x, 0.3, 0.028)]
        colour = (asked.colour if asked else None) or rgb("#f3ead2")
        sky.moons(self.picture, self.rng, spots[: asked.count if asked else 1], colour)

    def backdrop(self) -> None:
        """What stands against the sky."""
        scene, rng, light, picture = self.scene, self.rng, self.light, self.picture
        grassy = self._grass()
        if scene.place("volcano"):
            land.mountains(picture, rng, light, self.horizon * 0.99, rgb("#6d5f70"), snow=False)
            land.volcano(picture, rng, light, self.horizon)
        if (place := scene.place("mountains")) or (scene.place("lake") and "mountains" not in scene.unwanted):
            rock = (place.colour if place else None) or rgb("#8289a3")
            land.mountains(
                picture, rng, light, self.horizon, rock, snow=scene.time != "day" or self.snowy or bool(place)
            )
        elif scene.place("planet") or scene.place("desert"):
            land.hills(picture, rng, light, self.horizon, self._sand(), 2)
        elif not self.wet and not scene.place("city") and not scene.place("volcano"):
            land.hills(picture, rng, light, self.horizon + 0.015, mix(grassy, rgb("#4f7c86"), 0.4))
        if scene.place("city"):
            neon = scene.style == "neon" or bool({"rain"} & scene.weather and light.day < 0.4)
            city.skyline(picture, rng, light, self.horizon + 0.01, neon=neon)
        if scene.place("waterfall"):
            _waterfall(picture, rng, light, self.horizon)
        if (woods := scene.place("forest")) or (scene.place("lake") and "forest" not in scene.unwanted):
            green = (woods.colour if woods else None) or rgb("#2f5d4c")
            depth = self.horizon if woods else self.horizon - 0.015
            if woods:
                land.forest(picture, rng, light, depth, green, snow=self.snowy)
            else:
                _far_trees(picture, rng, light, self.horizon, green)
        if scene.place("island"):
            _island(picture, rng, light, self.horizon)
        if "mist" in scene.weather:
            weather.mist(picture, rng, light, self.horizon, 0.85)

    def ground(self) -> Ground:
        """Water or land below the horizon; says where things can stand."""
        scene, rng, light, picture, horizon = self.scene, self.rng, self.light, self.picture, self.horizon
        stormy = "storm" in scene.weather
        if self.wet:
            lake = scene.place("lake")
            colour = self._place_colour(("sea", "lake"), rgb("#2f7f97") if light.day > 0.6 else rgb("#2b5f80"))
            water.reflect(picture, rng, light, horizon, colour, 0.92 if lake else 0.25 if stormy else 0.55)
            if stormy and not lake:
                water.breakers(picture, rng, light, horizon + 0.03, colour)
            if scene.place("beach"):
                water.shore(picture, rng, light, 0.78, self._place_colour(("beach",), rgb("#e8cf9f")))
                return Ground(horizon, 0.93, horizon)
            if lake:
                _bank(picture, rng, light, 0.83, self._grass(), snow=self.snowy)
                return Ground(horizon, 0.885, horizon)
            if self._needs_cliff():
                right = light.sun[0] < 0.5
                top = land.cliff(picture, rng, light, horizon, right=right)
                return Ground(horizon, top, horizon + 0.1, top, right)
            return Ground(horizon, 0.9, horizon)
        if scene.place("city"):
            wet = bool({"rain", "snow"} & scene.weather) or light.day < 0.4
            water.reflect(picture, rng, light, horizon, rgb("#39415a"), 0.8 if wet else 0.55)
            return Ground(horizon, 0.93)
        if scene.place("desert") or self.alien:
            land.dunes(picture, rng, light, horizon, self._sand())
        elif self.snowy:
            land.plane(picture, rng, light, horizon, rgb("#f4f7ff"), rgb("#dfe8f8"), "snow")
        elif scene.place("flowers"):
            bloom = self._place_colour(("flowers", "meadow"), _LAVENDER)
            land.plane(picture, rng, light, horizon, bloom, mix(bloom, self._grass(), 0.3), "rows")
        else:
            grassy = self._grass()
            land.plane(picture, rng, light, horizon, scale(grassy, 0.9), mix(grassy, rgb("#c9c770"), 0.25))
        if scene.place("river"):
            _river(picture, rng, light, horizon, self._place_colour(("river",), rgb("#3d7f96")))
        return Ground(horizon, 0.86, horizon + 0.12)

    def foreground(self) -> None:
        """What grows near the viewer."""
        scene, rng, light = self.scene, self.rng, self.light
        bare = self.wet and not scene.place("lake")
        if bare or self.snowy or self.alien or scene.place("desert") or scene.place("city") or scene.place("volcano"):
            return
        if scene.place("flowers") and "flowers" not in scene.unwanted:
            bloom = self._place_colour(("flowers", "meadow"), _LAVENDER)
            flora.flowers(self.picture, rng, light, 0.8, (bloom, mix(bloom, (1, 1, 1), 0.25), scale(bloom, 0.8)), 260)
        elif (scene.place("meadow") or scene.place("garden")) and "flowers" not in scene.unwanted:
            flora.flowers(self.picture, rng, light, self.horizon + 0.05, scene.colours[:3], 520)
        flora.grass(self.picture, rng, light, self._grass(), 0.07)

    def falling(self) -> None:
        """Rain and snow, in front of everything."""
        if "rain" in self.scene.weather or "storm" in self.scene.weather:
            weather.rain(self.picture, self.rng, self.light)
        if self.snowy:
            weather.snow(self.picture, self.rng)

    def _needs_cliff(self) -> bool:
        grounded = any(
            s.kind in ("lighthouse", "castle", "house", "temple", "windmill", "tree") for s in self.scene.subjects
        )
        return bool(self.scene.place("cliff")) or (grounded and not self.scene.place("island"))

    def _place_colour(self, kinds: tuple[str, ...], usual: Colour) -> Colour:
        return next((p.colour for kind in kinds if (p := self.scene.place(kind)) and p.colour), usual)

    def _sand(self) -> Colour:
        return self._place_colour(("planet", "desert"), rgb("#c9785a") if self.alien else rgb("#e0ab6b"))

    def _grass(self) -> Colour:
        return self._place_colour(("meadow", "hills", "garden"), rgb("#7ba046"))


def _far_trees(picture: Array, rng: np.random.Generator, light: Light, horizon: float, green: Colour) -> None:
    """A low, dark line of trees along the far shore."""
    height, width = picture.shape[:2]
    jag = line_noise(rng, width, 70, 2) * 0.6 + line_noise(rng, width, 6, 3) * 0.6
    line = height * (horizon - 0.008 - 0.045 * jag)
    rows = np.arange(height)[:, None]
    land.blend(picture, solid(land.hazed(light, green, 0.72)), land.below(line, height) * (rows < height * horizon))


def _bank(picture: Array, rng: np.random.Generator, light: Light, top: float, grassy: Colour, *, snow: bool) -> None:
    """The near shore of a lake."""
    height, width = picture.shape[:2]
    line = height * (top - 0.05 * (line_noise(rng, width, 2.2, 2) - 0.3) + 0.01 * line_noise(rng, width, 30, 3))
    depth = (np.arange(height, dtype=np.float32)[:, None] - line[None, :]) / height
    rough = fractal(rng, width, height, 16, 5, stretch=2)
    tone = solid(light.on((0.93, 0.95, 1.0) if snow else scale(grassy, 0.85))) * (0.55 + 0.75 * rough)[..., None]
    rim = smooth(0.02, 0.0, depth)[..., None]
    tone = tone * (1 - 0.45 * rim)
    land.blend(picture, tone, land.below(line, height))


def _island(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    height, width = picture.shape[:2]
    x, _ = grid(width, height)
    middle = 1 - light.sun[0]
    hump = np.exp(-(((x[0] - middle) / 0.17) ** 2)) * (0.55 + 0.6 * line_noise(rng, width, 7, 5))
    line = height * (horizon + 0.012 - 0.2 * hump)
    rough = fractal(rng, width, height, 14, 5)
    tone = solid(land.hazed(light, rgb("#4f8a52"), 0.8)) * (0.55 + 0.8 * rough)[..., None]
    rows = np.arange(height)[:, None]
    sand = solid(land.hazed(light, rgb("#ecd8a8"), 0.9))
    tone = (
        tone
        + (sand - tone)
        * smooth(height * (horizon - 0.012), height * (horizon + 0.002), rows.astype(np.float32))[..., None]
    )
    land.blend(picture, tone, land.below(line, height) * (rows < height * horizon) * (hump > 0.07))


def _river(picture: Array, rng: np.random.Generator, light: Light, horizon: float, colour: Colour) -> None:
    """A river that winds out of the distance."""
    height, width = picture.shape[:2]
    mirror = picture.copy()
    water.reflect(mirror, rng, light, horizon, colour, 0.8)
    x, y = grid(width, height)
    t = np.clip((y - horizon) / (1 - horizon), 0, 1)
    middle = 0.5 + 0.2 * np.sin(4.2 / (t + 0.32) + float(rng.random()) * 6) * (0.25 + 0.75 * t)
    ragged = 0.006 * (fractal(rng, width, height, 20, 3) - 0.5)
    mask = smooth(0.004, -0.004, np.abs(x - middle) - 0.004 - 0.17 * t**1.35 + ragged) * (y > horizon)
    land.blend(picture, mirror, mask.astype(np.float32))


def _waterfall(picture: Array, rng: np.random.Generator, light: Light, horizon: float) -> None:
    """A wall of rock with white water coming down it, and spray at its foot."""
    height, width = picture.shape[:2]
    x, y = grid(width, height)
    top = horizon * (0.34 + 0.2 * (line_noise(rng, width, 4, 5) - 0.5) + 0.25 * (np.abs(x[0] - 0.5) < 0.05))
    wall = land.below(height * top, height) * (y < horizon + 0.02)
    rock = fractal(rng, width, height, 8, 6, stretch=0.45)
    relief = np.clip(0.5 + 5 * (rock - np.roll(rock, (4, 4), (0, 1))), 0.1, 1.3)
    moss = smooth(0.5, 0.75, fractal(rng, width, height, 6, 4))[..., None]
    tone = (
        solid(land.hazed(light, rgb("#6d6a68"), 0.85)) * (1 - moss * 0.7)
        + solid(land.hazed(light, rgb("#5d8a4a"), 0.85)) * moss * 0.7
    )
    land.blend(picture, tone * (0.35 + 0.75 * relief)[..., None], wall.astype(np.float32))
    lip = horizon * 0.4
    fall = (
        smooth(0.075, 0.05, np.abs(x - 0.5 - 0.015 * np.sin(y * 9)) - 0.05 * np.clip(y - lip, 0, 1))
        * (y > lip)
        * (y < horizon + 0.03)
    )
    threads = (
        np.repeat(line_noise(rng, width, 120, 3)[None, :], height, 0) * 0.6
        + fractal(rng, width, height, 40, 2, stretch=0.2) * 0.4
    )
    white = solid(mix(light.glow, (1, 1, 1), 0.5)) * (0.62 + 0.45 * threads)[..., None] * (0.45 + 0.55 * light.day)
    land.blend(picture, white, (fall * 0.95).astype(np.float32))
    spray = np.exp(-(((x - 0.5) / 0.16) ** 2) - ((y - horizon) / 0.06) ** 2) * (
        0.5 + 0.7 * fractal(rng, width, height, 7, 4)
    )
    screen(picture, np.clip(spray * 0.85, 0, 1)[..., None] * solid(mix(light.horizon, (1, 1, 1), 0.4)))
