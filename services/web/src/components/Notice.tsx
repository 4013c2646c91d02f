import { CircleAlert, CircleCheck, Info, TriangleAlert } from "lucide-react";
import type { ReactNode } from "react";
import { describeError } from "@/api/errors";
import { Button } from "./Button";

type Tone = "info" | "success" | "warning" | "error";

const TONES: Record<Tone, string> = {
  info: "bg-sunken text-ink",
  success: "bg-good-soft text-good",
  warning: "bg-warn-soft text-warn",
  error: "bg-bad-soft text-bad",
};
const ICONS = { info: Info, success: CircleCheck, warning: TriangleAlert, error: CircleAlert };

type NoticeProps = { tone?: Tone; title: string; children?: ReactNode; action?: ReactNode; live?: boolean };

/** An inline message. With `live`, screen readers announce it when it appears. */
export function Notice({ tone = "info", title, children, action, live = false }: NoticeProps) {
  const Icon = ICONS[tone];
  return (
    <div
      className={`flex flex-wrap items-start gap-x-3 gap-y-2 rounded-control px-4 py-3 text-sm ${TONES[tone]}`}
      role={live ? (tone === "error" ? "alert" : "status") : undefined}
    >
      <Icon className="mt-0.5 size-4 shrink-0" aria-hidden />
      <div className="min-w-0 flex-1 basis-52">
        <p className="font-medium">{title}</p>
        {children && <div className="mt-0.5 text-ink/85">{children}</div>}
      </div>
      {action}
    </div>
  );
}

/** An error message, with a retry button if `retry` is given. */
export function ErrorNotice({ error, retry }: { error: unknown; retry?: (() => void) | undefined }) {
  const { title, text } = describeError(error);
  return (
    <Notice tone="error" title={title} live action={retry && <Button onClick={retry}>Try again</Button>}>
      {text}
    </Notice>
  );
}

/** The message for an empty list: what will appear here, and how to start. */
export function EmptyState({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="grid justify-items-center gap-3 rounded-card border border-line border-dashed px-6 py-16 text-center">
      <svg
        viewBox="0 0 120 48"
        className="h-12 text-edge"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.5"
        aria-hidden
      >
        <rect x="2" y="8" width="34" height="34" rx="2" strokeDasharray="3 4" />
        <rect x="43" y="2" width="34" height="44" rx="2" />
        <path d="M43 36l10-10 8 7 9-12 7 8" />
        <circle cx="53" cy="13" r="3" />
        <rect x="84" y="12" width="34" height="26" rx="2" strokeDasharray="3 4" />
      </svg>
      <h2 className="font-semibold text-xl">{title}</h2>
      <div className="max-w-prose text-muted text-sm">{children}</div>
      {action}
    </div>
  );
}

export function Skeleton({ className = "" }: { className?: string }) {
  return <div className={`animate-pulse-soft rounded-image bg-sunken ${className}`} aria-hidden />;
}
