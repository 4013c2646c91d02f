import { type ReactNode, useId } from "react";

type Option<T extends string | number> = { value: T; label: ReactNode; name?: string };
type RadioGroupProps<T extends string | number> = {
  legend: string;
  /** Show the legend to screen readers only. */
  hideLegend?: boolean;
  options: readonly Option<T>[];
  value: T;
  onChange(value: T): void;
};

/** A row of options: native radio buttons, so arrow keys and screen readers work as expected. */
export function RadioGroup<T extends string | number>({
  legend,
  hideLegend = false,
  options,
  value,
  onChange,
}: RadioGroupProps<T>) {
  const group = useId();
  return (
    <fieldset className="min-w-0">
      <legend className={hideLegend ? "sr-only" : "mb-1.5 font-medium text-sm"}>{legend}</legend>
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
