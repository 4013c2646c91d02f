import { useId } from "react";
import type { Model } from "@/api/models";
import { humanize } from "@/lib/labels";
import type { Draft } from "@/state/draft";
import { hasStyle, PROMPT_STYLES, styleColours, toggleStyle } from "./promptStyles";

type StylePickerProps = { model: Model; draft: Draft; onChange(change: Partial<Draft>): void };

const SWATCH =
  "inline-flex min-h-8 cursor-pointer items-center gap-1.5 rounded-full border border-line bg-surface py-0.5 pr-3 pl-1 text-xs transition-colors hover:border-edge";

/** Offers the styles of the model, or keywords for the prompt if the model has none. */
export function StylePicker({ model, draft, onChange }: StylePickerProps) {
  return model.styles.length > 0 ? (
    <ModelStyles model={model} draft={draft} onChange={onChange} />
  ) : (
    <PromptStyles prompt={draft.prompt} onChange={(prompt) => onChange({ prompt })} />
  );
}

function ModelStyles({ model, draft, onChange }: StylePickerProps) {
  const group = useId();
  const options = [null, ...model.styles];
  return (
    <fieldset>
      <legend className="mb-1.5 font-medium text-sm">Style</legend>
      <div className="flex flex-wrap gap-1.5">
        {options.map((style) => (
          <label
            key={style ?? "none"}
            className={`${SWATCH} has-checked:border-accent has-checked:bg-accent-soft has-focus-visible:outline-2 has-focus-visible:outline-accent`}
          >
            <input
              type="radio"
              className="sr-only"
              name={group}
              checked={(draft.style ?? null) === style}
              onChange={() => onChange({ style })}
            />
            <Dot colours={style ? styleColours(style) : "none"} />
            {style ? humanize(style) : "None"}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function PromptStyles({ prompt, onChange }: { prompt: string; onChange(prompt: string): void }) {
  return (
    <fieldset>
      <legend className="mb-1.5 flex w-full items-baseline justify-between gap-3 font-medium text-sm">
        Style <span className="font-normal text-muted text-xs">adds keywords to the prompt</span>
      </legend>
      <div className="flex flex-wrap gap-1.5">
        {PROMPT_STYLES.map(({ keywords, colours }) => (
          <button
            key={keywords}
            type="button"
            aria-pressed={hasStyle(prompt, keywords)}
            onClick={() => onChange(toggleStyle(prompt, keywords))}
            className={`${SWATCH} aria-pressed:border-accent aria-pressed:bg-accent-soft`}
          >
            <Dot colours={colours} />
            {humanize(keywords)}
          </button>
        ))}
      </div>
    </fieldset>
  );
}

function Dot({ colours }: { colours: string }) {
  return <span className="size-5 rounded-full border border-line" style={{ background: colours }} aria-hidden />;
}
