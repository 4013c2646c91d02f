import type { ComponentProps, ReactNode } from "react";
import { Link } from "react-router";

type Variant = "primary" | "secondary" | "ghost" | "danger";

const BASE =
  "inline-flex items-center justify-center gap-2 rounded-control font-medium text-sm whitespace-nowrap transition-[background-color,border-color,color,transform] duration-150 active:translate-y-px disabled:opacity-55 disabled:active:translate-y-0 min-h-10 px-4";
const VARIANTS: Record<Variant, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  secondary: "bg-raised border border-line hover:border-edge",
  ghost: "hover:bg-sunken text-muted hover:text-ink",
  danger: "bg-bad-soft text-bad border border-transparent hover:border-bad",
};

function buttonClass(variant: Variant, className: string): string {
  return `${BASE} ${VARIANTS[variant]} ${className}`;
}

type ButtonProps = ComponentProps<"button"> & { variant?: Variant };

export function Button({ variant = "secondary", className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={buttonClass(variant, className)} {...rest} />;
}

export function ButtonLink({
  variant = "secondary",
  className = "",
  ...rest
}: ComponentProps<typeof Link> & { variant?: Variant }) {
  return <Link className={buttonClass(variant, className)} {...rest} />;
}

type IconButtonProps = Omit<ComponentProps<"button">, "children"> & { label: string; children: ReactNode };

/** A square button with an icon; `label` is its accessible name. */
export function IconButton({ label, children, className = "", type = "button", ...rest }: IconButtonProps) {
  return (
    <button
      type={type}
      aria-label={label}
      title={label}
      className={`grid size-10 shrink-0 place-items-center rounded-control text-muted transition-colors hover:bg-sunken hover:text-ink disabled:opacity-55 ${className}`}
      {...rest}
    >
      {children}
    </button>
  );
}
