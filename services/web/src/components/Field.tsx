import { type ComponentProps, type ReactNode, useId } from "react";

const CONTROL =
  "w-full rounded-control border border-edge bg-raised px-3 py-2 text-base sm:text-sm text-ink transition-colors hover:border-ink aria-invalid:border-bad";

type FieldProps = { label: ReactNode; hint?: ReactNode; error?: string | undefined; aside?: ReactNode };

function FieldLayout({ id, label, hint, error, aside, children }: FieldProps & { id: string; children: ReactNode }) {
  return (
    <div className="grid gap-1.5">
      <div className="flex items-baseline justify-between gap-3">
        <label htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        {aside}
      </div>
      {children}
      {error ? (
        <p id={`${id}-error`} className="text-bad text-sm" role="alert">
          {error}
        </p>
      ) : hint ? (
        <p id={`${id}-hint`} className="text-muted text-sm">
          {hint}
        </p>
      ) : null}
    </div>
  );
}

function describedBy(id: string, { hint, error }: FieldProps) {
  return {
    "aria-invalid": error ? true : undefined,
    "aria-describedby": error ? `${id}-error` : hint ? `${id}-hint` : undefined,
  };
}

export function TextField({
  label,
  hint,
  error,
  aside,
  className = "",
  ...rest
}: FieldProps & ComponentProps<"input">) {
  const id = useId();
  return (
    <FieldLayout {...{ id, label, hint, error, aside }}>
      <input
        id={id}
        className={`${CONTROL} min-h-10 ${className}`}
        {...describedBy(id, { label, hint, error })}
        {...rest}
      />
    </FieldLayout>
  );
}

export function TextArea({
  label,
  hint,
  error,
  aside,
  className = "",
  ...rest
}: FieldProps & ComponentProps<"textarea">) {
  const id = useId();
  return (
    <FieldLayout {...{ id, label, hint, error, aside }}>
      <textarea
        id={id}
        className={`${CONTROL} field-sizing-content resize-y ${className}`}
        {...describedBy(id, { label, hint, error })}
        {...rest}
      />
    </FieldLayout>
  );
}

export function SelectField({
  label,
  hint,
  error,
  aside,
  className = "",
  ...rest
}: FieldProps & ComponentProps<"select">) {
  const id = useId();
  return (
    <FieldLayout {...{ id, label, hint, error, aside }}>
      <select
        id={id}
        className={`${CONTROL} min-h-10 ${className}`}
        {...describedBy(id, { label, hint, error })}
        {...rest}
      />
    </FieldLayout>
  );
}

type SwitchProps = {
  label: ReactNode;
  hint?: ReactNode;
  checked: boolean;
  disabled?: boolean;
  onChange(on: boolean): void;
};

export function Switch({ label, hint, checked, disabled = false, onChange }: SwitchProps) {
  const id = useId();
  return (
    <div className="flex items-start justify-between gap-4">
      <div className="grid gap-0.5">
        <label htmlFor={id} className="font-medium text-sm">
          {label}
        </label>
        {hint && (
          <p id={`${id}-hint`} className="text-muted text-sm">
            {hint}
          </p>
        )}
      </div>
      <input
        id={id}
        type="checkbox"
        role="switch"
        checked={checked}
        aria-checked={checked}
        disabled={disabled}
        aria-describedby={hint ? `${id}-hint` : undefined}
        onChange={(event) => onChange(event.target.checked)}
        className="relative mt-0.5 h-6 w-10 shrink-0 cursor-pointer appearance-none rounded-full border border-edge bg-sunken transition-colors before:absolute before:top-0.5 before:left-0.5 before:size-[18px] before:rounded-full before:bg-edge before:transition-transform checked:border-accent checked:bg-accent checked:before:translate-x-4 checked:before:bg-on-accent disabled:opacity-55"
      />
    </div>
  );
}
