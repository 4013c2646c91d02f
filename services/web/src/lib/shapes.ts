import type { Schemas } from "@/api/client";

type Model = Schemas["ModelView"];

/** A size or a ratio that a model draws; `field` says which of the two a request names. */
export type Shape = { field: "size" | "aspect_ratio"; value: string; width: number; height: number };

/** Everything a model draws, the one it takes by default first. */
export function shapesOf(model: Model): Shape[] {
  const ratios = Object.entries(model.aspect_ratios);
  return ratios.length > 0
    ? ratios.map(([value, size]) => ({ field: "aspect_ratio", value, ...sides(size) }))
    : model.sizes.map((value) => ({ field: "size", value, ...sides(value) }));
}

function sides(size: string): { width: number; height: number } {
  const [width = 1024, height = 1024] = size.split("x").map(Number);
  return { width, height };
}

/** Such as "Square", "Wide": what a shape is called aloud. */
export function shapeName({ width, height }: Shape): string {
  const ratio = width / height;
  if (ratio > 2) return "Panorama";
  if (ratio > 1.4) return "Wide";
  if (ratio > 1.02) return "Landscape";
  if (ratio >= 0.98) return "Square";
  if (ratio > 0.7) return "Portrait";
  if (ratio > 0.5) return "Tall";
  return "Banner";
}
