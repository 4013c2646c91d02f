import type { Schemas } from "@/api/client";
import { shapesOf } from "./shapes";

type Draft = Schemas["NewRequest"];
type Model = Schemas["ModelView"];

/** The form's settings that made a picture. `seed: null` for another one like it. */
export function draftOfImage(image: Schemas["ImageView"], models: readonly Model[]): Draft {
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
    ...nearestShape(model, image.width, image.height),
  };
}

/** The form's settings that a request was made with. What the API says of it is open-ended: only what fits is taken. */
export function draftOfRequest(asked: Record<string, unknown>, models: readonly Model[]): Draft {
  const text = (name: string) => (typeof asked[name] === "string" ? (asked[name] as string) : null);
  const number = (name: string) => (typeof asked[name] === "number" ? (asked[name] as number) : null);
  const first = Array.isArray(asked.models) ? asked.models[0] : undefined;
  const key = typeof first === "string" ? first : null;
  const model = models.find((candidate) => candidate.key === key);
  return {
    prompt: text("prompt") ?? "",
    negative_prompt: text("negative_prompt"),
    model: key,
    style: text("style"),
    seed: number("seed"),
    count: number("count") ?? 1,
    quality: asked.quality === "premium" ? "premium" : "standard",
    steps: number("steps"),
    guidance: number("guidance"),
    ...nearestShape(model, number("width") ?? 1024, number("height") ?? 1024),
  };
}

/** A model draws what it can: the shape of its own that comes nearest to a picture's. */
function nearestShape(model: Model | undefined, width: number, height: number): Pick<Draft, "size" | "aspect_ratio"> {
  if (!model) return {};
  const wanted = Math.log(width / height);
  const distance = (shape: { width: number; height: number }) =>
    Math.abs(Math.log(shape.width / shape.height) - wanted) + Math.abs(shape.width - width) / 1e6;
  const [nearest] = shapesOf(model).sort((one, other) => distance(one) - distance(other));
  return nearest ? { [nearest.field]: nearest.value } : {};
}

/** Drop what another model does not take. */
export function fitted(draft: Draft, model: Model): Draft {
  const shape = shapesOf(model).find(({ field, value }) => draft[field] === value);
  const inRange = (value: number | null | undefined, range: Schemas["Range"] | undefined) =>
    range && typeof value === "number" && value >= range.min && value <= range.max ? value : null;
  return {
    ...draft,
    size: shape?.field === "size" ? shape.value : null,
    aspect_ratio: shape?.field === "aspect_ratio" ? shape.value : null,
    style: draft.style && model.styles.includes(draft.style) ? draft.style : null,
    quality: draft.quality && draft.quality in model.price_usd ? draft.quality : "standard",
    steps: inRange(draft.steps, model.limits.steps),
    guidance: inRange(draft.guidance, model.limits.guidance),
    seed: typeof draft.seed === "number" && draft.seed <= model.limits.seed_max ? draft.seed : null,
  };
}
