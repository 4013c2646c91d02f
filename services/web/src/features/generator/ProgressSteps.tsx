import type { RequestView } from "genai-images-client";
import { Check, X } from "lucide-react";
import { dateTime, duration } from "@/lib/format";
import { type ProgressStep, progressOf } from "./requestProgress";

/** Shows the progress of a request through the pipeline. */
export function ProgressSteps({ view }: { view: Pick<RequestView, "status" | "created_at" | "timeline"> }) {
  return (
    <ol className="grid grid-cols-5" aria-label="Progress">
      {progressOf(view).map((step) => (
        <Step key={step.name} step={step} />
      ))}
    </ol>
  );
}

const LINES: Record<ProgressStep["state"], string> = {
  done: "bg-ink",
  current: "bg-line",
  waiting: "bg-line",
  stopped: "bg-bad",
};

function Step({ step }: { step: ProgressStep }) {
  const { name, activeName, state, after, at } = step;
  return (
    <li className="relative grid content-start gap-0.5 pt-3 pr-1 sm:pr-2" title={at ? dateTime(at) : undefined}>
      <span className={`absolute inset-x-0 top-0 h-0.5 overflow-hidden ${LINES[state]}`} aria-hidden>
        {state === "current" && <span className="block h-full w-1/3 animate-scan bg-accent" />}
      </span>
      <span
        className={`flex items-center gap-1 text-2xs sm:text-xs ${
          state === "done"
            ? "font-medium"
            : state === "current"
              ? "font-medium text-accent"
              : state === "stopped"
                ? "font-medium text-bad"
                : "text-muted"
        }`}
      >
        {state === "done" && <Check className="hidden size-3 shrink-0 sm:block" aria-hidden />}
        {state === "stopped" && <X className="hidden size-3 shrink-0 sm:block" aria-hidden />}
        <span>{state === "current" ? activeName : name}</span>
        {state === "stopped" && <span className="sr-only"> not reached</span>}
        {state === "waiting" && <span className="sr-only"> pending</span>}
      </span>
      <span className="margin-note text-muted">
        {after === null ? " " : after === 0 ? "0 s" : `+${duration(after)}`}
      </span>
    </li>
  );
}
