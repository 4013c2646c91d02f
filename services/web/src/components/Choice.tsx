import { type ReactNode, useId } from "react";

type Option<T extends string | number> = { value: T; label: ReactNode; name?: string };
type ChoiceProps<T extends string | number> = {
  legend: string;
  /** Whether the legend is only for those who hear the page. */
  quiet?: boolean;
  options: readonly Option<T>[];
  value: T;
  onChange(value: T): void;
};

/** A few alternatives in a row: radio buttons, so the arrow keys and screen readers know what to do. */
export function Choice<T extends string | number>({ legend, quiet = false, options, value, onChange }: ChoiceProps<T>) {
  const group = useId();
  return (
    <fieldset className="min-w-0">
      <legend className={quiet ? "sr-only" : "mb-1.5 font-medium text-sm"}>{legend}</legend>
      <div className="inline-flex max-w-full gap-0.5 rounded-control bg-sunken p-0.5">
        {options.map((option) => (
          <label
            key={option.value}
            className="inline-flex min-h-9 min-w-11 cursor-pointer items-center justify-center gap-1.5 rounded-[6px] px-3 text-muted text-sm transition-colors hover:text-ink has-checked:bg-raised has-checked:font-medium has-checked:text-ink has-checked:shadow-sm has-focus-visible:outline-2 has-focus-visible:outline-accent"
          >
            <input
              type="radio"
              className="sr-only"
              name={group}
              checked={option.value === value}
              onChange={() => onChange(option.value)}
              aria-label={option.name}
            />
            {option.label}
          </label>
        ))}
      </div>
    </fieldset>
  );
}
