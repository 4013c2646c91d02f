"""Landscapes, from the sky down to the blades of grass at the viewer's feet."""

from __future__ import annotations

import numpy as np

from local.painter import city, features, flora, land, sky, stage, water, weather
from local.painter.canvas import (
    Array,
    Colour,
    mix,
    rgb,
    scale,
)
from local.painter.light import light_for
from local.painter.stage import Ground
from local.painter.words import Scene

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
        self.wet |= any(s.kind == "bridge" for s in scene.subjects) or bool(scene.place("waterfall"))
        if not self.wet and any(s.kind in ("sailboat", "whale", "lighthouse") for s in scene.subjects):
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
        if dark and not covered and scene.style != "line" and "stars" not in scene.unwanted:
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
            features.waterfall(picture, rng, light, self.horizon)
        if (woods := scene.place("forest")) or (scene.place("lake") and "forest" not in scene.unwanted):
            green = (woods.colour if woods else None) or rgb("#2f5d4c")
            depth = self.horizon if woods else self.horizon - 0.015
            if woods:
                green = mix(green, rgb("#1f4a38"), 0.55)
                land.forest(
                    picture, rng, light, depth, green, snow=self.snowy, sides_only=bool(scene.place("waterfall"))
                )
            else:
                features.far_trees(picture, rng, light, self.horizon, green)
        if scene.place("island"):
            features.island(picture, rng, light, self.horizon)
        if "mist" in scene.weather:
            weather.mist(picture, rng, light, self.horizon, 0.85)

    def ground(self) -> Ground:
        """Water, street or land below the horizon; says where things can stand."""
        if self.wet:
            return self._water()
        if self.scene.place("city"):
            wet = bool({"rain", "snow"} & self.scene.weather) or self.light.day < 0.4
            calm = 0.8 if wet else 0.55
            water.reflect(self.picture, self.rng, self.light, self.horizon, rgb("#39415a"), calm)
            return Ground(self.horizon, 0.93, far=0.82)
        return self._land()

    def _water(self) -> Ground:
        """Sea or lake, with the shore there is to stand on."""
        scene, rng, light, picture, horizon = self.scene, self.rng, self.light, self.picture, self.horizon
        stormy = "storm" in scene.weather
        lake = scene.place("lake") or scene.place("waterfall")
        colour = self._place_colour(("sea", "lake"), rgb("#2f7f97") if light.day > 0.6 else rgb("#2b5f80"))
        water.reflect(picture, rng, light, horizon, colour, 0.92 if lake else 0.25 if stormy else 0.55)
        if stormy and not lake:
            water.breakers(picture, rng, light, horizon + 0.03, colour)
        if scene.place("beach") or scene.place("island"):
            water.shore(picture, rng, light, 0.78, self._place_colour(("beach",), rgb("#e8cf9f")))
            return Ground(horizon, 0.93, horizon, far=0.86)
        if lake:
            features.bank(picture, rng, light, 0.83, self._grass(), snow=self.snowy)
            return Ground(horizon, 0.885, horizon, far=0.85)
        if self._needs_cliff():
            right = light.sun[0] < 0.5
            top = land.cliff(picture, rng, light, horizon, right=right)
            return Ground(horizon, top, horizon + 0.1, top, right)
        return Ground(horizon, 0.9, horizon)

    def _land(self) -> Ground:
        """Sand, snow, rows of flowers or grass, and what lies on it."""
        scene, rng, light, picture, horizon = self.scene, self.rng, self.light, self.picture, self.horizon
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
        if scene.place("volcano") and not scene.place("meadow"):
            land.scorch(picture, rng, light, horizon)
        if scene.place("river"):
            features.river(picture, rng, light, horizon, self._place_colour(("river",), rgb("#3d7f96")))
        misty = "mist" in scene.weather
        if scene.place("cliff") or (misty and any(s.kind == "person" for s in scene.subjects)):
            if misty:
                weather.mist(picture, rng, light, 0.8, 1.5)
            right = light.sun[0] < 0.5
            return Ground(horizon, 0.86, None, land.cliff(picture, rng, light, horizon + 0.1, right=right), right)
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
            flora.flowers(self.picture, rng, light, self.horizon + 0.05, self._free_colours(), 520)
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

    def _free_colours(self) -> tuple[Colour, ...]:
        """Colours the prompt gives to no thing: a meadow may bloom in them."""
        taken = [thing.colour for thing in self.scene.subjects]
        return tuple(colour for colour in self.scene.colours if colour not in taken)[:3]

    def _place_colour(self, kinds: tuple[str, ...], usual: Colour) -> Colour:
        return next((p.colour for kind in kinds if (p := self.scene.place(kind)) and p.colour), usual)

    def _sand(self) -> Colour:
        return self._place_colour(("planet", "desert"), rgb("#c9785a") if self.alien else rgb("#e0ab6b"))

    def _grass(self) -> Colour:
        usual = rgb("#c6d3e4") if self.snowy else rgb("#7ba046")
        return self._place_colour(("meadow", "hills", "garden"), usual)
