import type { Model } from "@/api/models";
import { usePriceEstimate } from "@/api/requests";
import { plural, usd } from "@/lib/format";
import { type Draft, requestBody } from "@/state/draft";

/** Shows the cost before the request is sent: first from the model's price list, then from the API's dry run. */
export function CostEstimate({ model, draft }: { model: Model; draft: Draft }) {
  const { prompt: _prompt, negative_prompt: _negative, seed: _seed, ...settings } = requestBody(draft);
  const estimate = usePriceEstimate(settings, true);
  const images = draft.count ?? 1;
  const perImage = estimate.data?.price.per_image_usd ?? model.price_usd[draft.quality ?? "standard"] ?? "0";
  const total = Number(perImage) * images;
  const max = Number(estimate.data?.price.total_max_usd ?? total);
  return (
    <p className="min-w-0 flex-1 leading-tight" aria-live="polite">
      <span className="sr-only">Cost: </span>
      <span className="font-mono font-semibold text-lg tabular-nums">{usd(total)}</span>
      <span className="block text-muted text-xs">
        {max > total ? `${usd(max)} at most, with failover` : plural(images, "image")}
      </span>
    </p>
  );
}
