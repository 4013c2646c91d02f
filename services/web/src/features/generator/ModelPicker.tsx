import { useId } from "react";
import type { Model } from "@/api/models";
import { date, usd } from "@/lib/format";

type ModelPickerProps = { models: Model[]; value: string; onChange(key: string): void };

/** Offers the models, with price, typical duration and end of life. */
export function ModelPicker({ models, value, onChange }: ModelPickerProps) {
  const group = useId();
  return (
    <fieldset>
      <legend className="mb-1.5 font-medium text-sm">Model</legend>
      <div className="grid overflow-hidden rounded-control border border-line bg-surface">
        {models.map((model) => (
          <label
            key={model.key}
            className="grid cursor-pointer grid-cols-[auto_1fr_auto] items-baseline gap-x-3 border-line border-b px-3 py-2.5 transition-colors last:border-b-0 hover:bg-raised has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent has-focus-visible:-outline-offset-2"
          >
            <input
              type="radio"
              name={group}
              checked={model.key === value}
              onChange={() => onChange(model.key)}
              className="size-3.5 translate-y-0.5 accent-accent"
            />
            <span className="font-medium text-sm">{model.name}</span>
            <span className="margin-note text-ink">{usd(Math.min(...Object.values(model.price_usd).map(Number)))}</span>
            <span className="col-start-2 text-muted text-xs">{summary(model)}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function summary(model: Model): string {
  return [
    model.estimated_seconds !== undefined && `about ${model.estimated_seconds} s`,
    model.default && "default",
    model.styles.length > 0 && `${model.styles.length} styles`,
    model.lifecycle === "legacy" &&
      (model.end_of_life ? `available until ${date(model.end_of_life)}` : "being retired"),
    model.estimated_seconds === undefined && !model.default && model.lifecycle === "active" && "not used recently",
  ]
    .filter(Boolean)
    .join(" · ");
}
