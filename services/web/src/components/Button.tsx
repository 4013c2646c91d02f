import type { ComponentProps, ReactNode } from "react";
import { Link } from "react-router";

type Look = "primary" | "plain" | "quiet" | "danger";

const BASE =
  "inline-flex items-center justify-center gap-2 rounded-control font-medium text-sm whitespace-nowrap transition-[background-color,border-color,color,transform] duration-150 active:translate-y-px disabled:opacity-55 disabled:active:translate-y-0 min-h-10 px-4";
const LOOKS: Record<Look, string> = {
  primary: "bg-accent text-on-accent hover:bg-accent-strong",
  plain: "bg-raised border border-line hover:border-edge",
  quiet: "hover:bg-sunken text-muted hover:text-ink",
  danger: "bg-bad-soft text-bad border border-transparent hover:border-bad",
};

export function looks(look: Look = "plain", more = ""): string {
  return `${BASE} ${LOOKS[look]} ${more}`;
}

type ButtonProps = ComponentProps<"button"> & { look?: Look };

export function Button({ look = "plain", className = "", type = "button", ...rest }: ButtonProps) {
  return <button type={type} className={looks(look, className)} {...rest} />;
}

export function ButtonLink({ look = "plain", className = "", ...rest }: ComponentProps<typeof Link> & { look?: Look }) {
  return <Link className={looks(look, className)} {...rest} />;
}

type IconButtonProps = Omit<ComponentProps<"button">, "children"> & { label: string; children: ReactNode };

/** A square button with a picture on it; `label` is what it is called. */
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
