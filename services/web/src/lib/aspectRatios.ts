import type { ModelView } from "genai-images-client";

type Model = ModelView;

/** An aspect ratio or a size that a model offers; `field` is the request field for it. */
export type AspectRatio = { field: "size" | "aspect_ratio"; value: string; width: number; height: number };

/** Return the aspect ratios or sizes of a model, its default first. */
export function aspectRatiosOf(model: Model): AspectRatio[] {
  const ratios = Object.entries(model.aspect_ratios);
  return ratios.length > 0
    ? ratios.map(([value, size]) => ({ field: "aspect_ratio", value, ...sides(size) }))
    : model.sizes.map((value) => ({ field: "size", value, ...sides(value) }));
}

function sides(size: string): { width: number; height: number } {
  const [width = 1024, height = 1024] = size.split("x").map(Number);
  return { width, height };
}

/** Return a short name, such as "Square" or "Wide". */
export function aspectRatioName({ width, height }: AspectRatio): string {
  const ratio = width / height;
  if (ratio > 2) return "Panorama";
  if (ratio > 1.4) return "Wide";
  if (ratio > 1.02) return "Landscape";
  if (ratio >= 0.98) return "Square";
  if (ratio > 0.7) return "Portrait";
  if (ratio > 0.5) return "Tall";
  return "Vertical banner";
}
