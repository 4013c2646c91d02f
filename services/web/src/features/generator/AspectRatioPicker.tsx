import { useId } from "react";
import type { Model } from "@/api/models";
import { type AspectRatio, aspectRatioName, aspectRatiosOf } from "@/lib/aspectRatios";
import type { Draft } from "@/state/draft";

type AspectRatioPickerProps = { model: Model; draft: Draft; onChange(change: Partial<Draft>): void };

const BOX = 26;

/** Sizes as what they are: shapes. */
export function AspectRatioPicker({ model, draft, onChange }: AspectRatioPickerProps) {
  const group = useId();
  const shapes = aspectRatiosOf(model);
  const chosen = shapes.find((shape) => draft[shape.field] === shape.value) ?? shapes[0];
  return (
    <fieldset className="min-w-0">
      <legend className="mb-1.5 flex w-full items-baseline justify-between font-medium text-sm">
        AspectRatio
        {chosen && (
          <span className="margin-note font-normal text-muted">
            {chosen.width} × {chosen.height}
          </span>
        )}
      </legend>
      <div className="grid grid-cols-[repeat(auto-fill,minmax(3.25rem,1fr))] gap-1">
        {shapes.map((shape) => (
          <label
            key={shape.value}
            title={`${aspectRatioName(shape)}, ${shape.width} × ${shape.height}`}
            className="group grid cursor-pointer justify-items-center gap-1 rounded-control border border-transparent pt-2 pb-1.5 transition-colors hover:bg-sunken has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              className="sr-only"
              name={group}
              checked={shape === chosen}
              aria-label={`${aspectRatioName(shape)}, ${label(shape)}`}
              onChange={() =>
                onChange({ size: null, aspect_ratio: null, [shape.field]: shape.value } as Partial<Draft>)
              }
            />
            <svg viewBox="-16 -16 32 32" className="size-8" aria-hidden>
              <Outline shape={shape} />
            </svg>
            <span className="margin-note text-muted group-has-checked:text-ink" aria-hidden>
              {label(shape)}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function Outline({ shape }: { shape: AspectRatio }) {
  const scale = BOX / Math.max(shape.width, shape.height);
  const [width, height] = [shape.width * scale, shape.height * scale];
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

/** A ratio as it is; a size as its ratio would need a table, so as its width over its height. */
function label(shape: AspectRatio): string {
  return shape.field === "aspect_ratio" ? shape.value : `${shape.width}×${shape.height}`;
}
