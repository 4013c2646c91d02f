import { useId } from "react";
import type { Model } from "@/api/models";
import { type AspectRatio, aspectRatioName, aspectRatiosOf } from "@/lib/aspectRatios";
import type { Draft } from "@/state/draft";

type AspectRatioPickerProps = { model: Model; draft: Draft; onChange(change: Partial<Draft>): void };

const OUTLINE = 26;

/** Offers the aspect ratios or sizes of a model, each with its outline. */
export function AspectRatioPicker({ model, draft, onChange }: AspectRatioPickerProps) {
  const group = useId();
  const ratios = aspectRatiosOf(model);
  const chosen = ratios.find((ratio) => draft[ratio.field] === ratio.value) ?? ratios[0];
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 flex w-full items-baseline justify-between font-medium text-sm">
        Aspect ratio
        {chosen && (
          <span className="margin-note font-normal text-muted">
            {chosen.width} × {chosen.height}
          </span>
        )}
      </legend>
      <div className="grid grid-cols-[repeat(auto-fill,minmax(3.25rem,1fr))] gap-1">
        {ratios.map((ratio) => (
          <label
            key={ratio.value}
            title={`${aspectRatioName(ratio)}, ${ratio.width} × ${ratio.height}`}
            className="group grid cursor-pointer justify-items-center gap-1 rounded-control border border-transparent pt-2 pb-1.5 transition-colors hover:bg-sunken has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              className="sr-only"
              name={group}
              checked={ratio === chosen}
              aria-label={`${aspectRatioName(ratio)}, ${label(ratio)}`}
              onChange={() =>
                onChange({ size: null, aspect_ratio: null, [ratio.field]: ratio.value } as Partial<Draft>)
              }
            />
            <svg viewBox="-16 -16 32 32" className="size-8" aria-hidden>
              <Outline ratio={ratio} />
            </svg>
            <span className="margin-note text-muted group-has-checked:text-ink" aria-hidden>
              {label(ratio)}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Outline({ ratio }: { ratio: AspectRatio }) {
  const scale = OUTLINE / Math.max(ratio.width, ratio.height);
  const [width, height] = [ratio.width * scale, ratio.height * scale];
  return (
    <rect
      x={-width / 2}
      y={-height / 2}
      width={width}
      height={height}
      rx="1.5"
      className="fill-raised stroke-[1.5] stroke-edge group-has-checked:fill-accent group-has-checked:stroke-accent"
    />
  );
}

/** Return the text under an outline: the aspect ratio, or the size of a model that takes sizes. */
function label(ratio: AspectRatio): string {
  return ratio.field === "aspect_ratio" ? ratio.value : `${ratio.width}×${ratio.height}`;
}
