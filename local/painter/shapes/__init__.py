"""Every shape the painter can draw, by the kind a prompt's word stands for."""

from local.painter.shapes import animals, beasts, buildings, figures, things
from local.painter.shapes.base import Part, Shape

SHAPES: dict[str, Shape] = {
    "lighthouse": buildings.LIGHTHOUSE, "castle": buildings.CASTLE, "house": buildings.HOUSE,
    "bridge": buildings.BRIDGE, "windmill": buildings.WINDMILL, "temple": buildings.TEMPLE, "train": buildings.TRAIN,
    "fox": animals.FOX, "cat": animals.CAT, "dog": animals.DOG, "bird": animals.BIRD, "owl": animals.OWL,
    "whale": animals.WHALE, "fish": animals.FISH,
    "deer": beasts.DEER, "horse": beasts.HORSE, "rabbit": beasts.RABBIT, "bear": beasts.BEAR,
    "dragon": beasts.DRAGON, "butterfly": beasts.BUTTERFLY,
    "blossom": figures.BLOSSOM,
    "robot": figures.ROBOT, "astronaut": figures.ASTRONAUT, "person": figures.PERSON, "tree": figures.TREE,
    "pine": figures.PINE, "palm": figures.PALM, "mushroom": figures.MUSHROOM,
    "sailboat": things.SAILBOAT, "balloon": things.BALLOON, "car": things.CAR, "rocket": things.ROCKET,
    "teapot": things.TEAPOT, "cup": things.CUP, "vase": things.VASE, "fruit": things.FRUIT, "book": things.BOOK,
    "lantern": things.LANTERN,
}  # fmt: skip

__all__ = ["SHAPES", "Part", "Shape"]
