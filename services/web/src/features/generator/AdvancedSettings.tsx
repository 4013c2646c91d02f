import type { Range } from "genai-images-client";
import { ChevronRight } from "lucide-react";
import { useId } from "react";
import type { Model } from "@/api/models";
import { Switch } from "@/components/Field";
import { RadioGroup } from "@/components/RadioGroup";
import { usd } from "@/lib/format";
import type { Draft } from "@/state/draft";

type AdvancedSettingsProps = { model: Model; draft: Draft; onChange(change: Partial<Draft>): void };

/** Settings that few people need, limited to those that the model supports. */
export function AdvancedSettings({ model, draft, onChange }: AdvancedSettingsProps) {
  const { steps, guidance } = model.limits;
  const qualities = Object.entries(model.price_usd);
  return (
    <details className="group">
      <summary className="flex list-none items-center gap-1.5 font-medium text-muted text-sm hover:text-ink [&::-webkit-details-marker]:hidden">
        <ChevronRight className="size-4 transition-transform group-open:rotate-90" aria-hidden />
        Advanced settings
      </summary>
      <div className="mt-4 grid gap-5 border-line border-l-2 pl-4">
        {qualities.length > 1 && (
          <RadioGroup
            legend="Quality"
            options={qualities.map(([value, price]) => ({
              value,
              label: `${value === "premium" ? "Premium" : "Standard"} ${usd(price)}`,
            }))}
            value={draft.quality ?? "standard"}
            onChange={(quality) => onChange({ quality: quality === "premium" ? "premium" : "standard" })}
          />
        )}
        {steps && (
          <Slider
            label="Steps"
            hint="More steps take longer and add detail."
            range={steps}
            step={1}
            value={draft.steps}
            onChange={(value) => onChange({ steps: value })}
          />
        )}
        {guidance && (
          <Slider
            label="Guidance"
            hint="Higher values follow the prompt more closely."
            range={guidance}
            step={0.1}
            value={draft.guidance}
            onChange={(value) => onChange({ guidance: value })}
          />
        )}
        <Switch
          label="Allow failover"
          hint={`Use a similar model if ${model.name} is unavailable.`}
          checked={draft.failover ?? true}
          onChange={(failover) => onChange({ failover })}
        />
      </div>
    </details>
  );
}

type SliderProps = {
  label: string;
  hint: string;
  range: Range;
  step: number;
  value: number | null | undefined;
  onChange(value: number): void;
};

function Slider({ label, hint, range, step, value, onChange }: SliderProps) {
  const id = useId();
  const current = value ?? range.default;
  return (
    <div className="grid gap-1.5">
      <div className="flex justify-between">
        <label htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        <output htmlFor={id} className="margin-note text-muted">
          {current}
        </output>
      </div>
      <input
        id={id}
        type="range"
        min={range.min}
        max={range.max}
        step={step}
        value={current}
        aria-describedby={`${id}-hint`}
        onChange={(event) => onChange(event.target.valueAsNumber)}
        className="accent-accent"
      />
      <p id={`${id}-hint`} className="text-muted text-xs">
        {hint}
      </p>
    </div>
  );
}
