import type { Model } from "@/api/models";
import { usePriceEstimate } from "@/api/requests";
import { plural, usd } from "@/lib/format";
import { requestBody, type Draft } from "@/state/draft";

/** What it will cost, before it is sent: at once from the model's price, then as the API works it out. */
export function CostEstimate({ model, draft }: { model: Model; draft: Draft }) {
  const { prompt: _prompt, negative_prompt: _negative, seed: _seed, ...settings } = requestBody(draft);
  const planned = usePriceEstimate(settings, true);
  const pictures = draft.count ?? 1;
  const each = planned.data?.price.per_image_usd ?? model.price_usd[draft.quality ?? "standard"] ?? "0";
  const total = Number(each) * pictures;
  const most = Number(planned.data?.price.total_max_usd ?? total);
  return (
    <p className="min-w-0 flex-1 leading-tight" aria-live="polite">
      <span className="sr-only">Cost: </span>
      <span className="font-mono font-semibold text-lg tabular-nums">{usd(total)}</span>
      <span className="block text-muted text-xs">
        {most > total ? `${usd(most)} at most, if another model stands in` : plural(pictures, "picture")}
      </span>
    </p>
  );
}
