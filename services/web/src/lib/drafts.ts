import type { Schemas } from "@/api/client";
import { aspectRatiosOf } from "./aspectRatios";

type Draft = Schemas["NewRequest"];
type Model = Schemas["ModelView"];

/** Return the form settings that generated an image. */
export function draftFromImage(image: Schemas["ImageView"], models: readonly Model[]): Draft {
  const model = models.find(({ key }) => key === image.model);
  return {
    prompt: image.prompt,
    negative_prompt: image.negative_prompt ?? null,
    model: image.model,
    style: image.style ?? null,
    seed: image.seed,
    quality: image.quality,
    steps: image.steps ?? null,
    guidance: image.guidance ?? null,
    ...nearestAspectRatio(model, image.width, image.height),
  };
}

/** Return the form settings of a request. The API's `request` object is open-ended: unknown and mistyped fields are ignored. */
export function draftFromRequest(values: Record<string, unknown>, models: readonly Model[]): Draft {
  const text = (name: string) => (typeof values[name] === "string" ? (values[name] as string) : null);
  const number = (name: string) => (typeof values[name] === "number" ? (values[name] as number) : null);
  const first = Array.isArray(values.models) ? values.models[0] : undefined;
  const key = typeof first === "string" ? first : null;
  const model = models.find((candidate) => candidate.key === key);
  return {
    prompt: text("prompt") ?? "",
    negative_prompt: text("negative_prompt"),
    model: key,
    style: text("style"),
    seed: number("seed"),
    count: number("count") ?? 1,
    quality: values.quality === "premium" ? "premium" : "standard",
    steps: number("steps"),
    guidance: number("guidance"),
    ...nearestAspectRatio(model, number("width") ?? 1024, number("height") ?? 1024),
  };
}

/** Return the aspect ratio or size of a model that is closest to an image's. */
function nearestAspectRatio(
  model: Model | undefined,
  width: number,
  height: number,
): Pick<Draft, "size" | "aspect_ratio"> {
  if (!model) return {};
  const wanted = Math.log(width / height);
  const distance = (ratio: { width: number; height: number }) =>
    Math.abs(Math.log(ratio.width / ratio.height) - wanted) + Math.abs(ratio.width - width) / 1e6;
  const [nearest] = aspectRatiosOf(model).sort((one, other) => distance(one) - distance(other));
  return nearest ? { [nearest.field]: nearest.value } : {};
}

/** Drop the settings that a model does not support. */
export function fitToModel(draft: Draft, model: Model): Draft {
  const ratio = aspectRatiosOf(model).find(({ field, value }) => draft[field] === value);
  const inRange = (value: number | null | undefined, range: Schemas["Range"] | undefined) =>
    range && typeof value === "number" && value >= range.min && value <= range.max ? value : null;
  return {
    ...draft,
    size: ratio?.field === "size" ? ratio.value : null,
    aspect_ratio: ratio?.field === "aspect_ratio" ? ratio.value : null,
    style: draft.style && model.styles.includes(draft.style) ? draft.style : null,
    quality: draft.quality && draft.quality in model.price_usd ? draft.quality : "standard",
    steps: inRange(draft.steps, model.limits.steps),
    guidance: inRange(draft.guidance, model.limits.guidance),
    seed: typeof draft.seed === "number" && draft.seed <= model.limits.seed_max ? draft.seed : null,
  };
}
