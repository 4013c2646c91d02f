import { Check, X } from "lucide-react";
import type { RequestView } from "@/api/requests";
import { moment, span } from "@/lib/format";
import { type Station, stationsOf } from "./stations";

/** The way of a request, filled as its events arrive. */
export function Timeline({ view }: { view: Pick<RequestView, "status" | "created_at" | "timeline"> }) {
  return (
    <ol className="grid grid-cols-5" aria-label="Progress">
      {stationsOf(view).map((station) => (
        <Stop key={station.name} station={station} />
      ))}
    </ol>
  );
}

const LINES: Record<Station["state"], string> = {
  done: "bg-ink",
  current: "bg-line",
  waiting: "bg-line",
  stopped: "bg-bad",
};

function Stop({ station }: { station: Station }) {
  const { name, doing, state, after, at } = station;
  return (
    <li className="relative grid content-start gap-0.5 pt-3 pr-2" title={at ? moment(at) : undefined}>
      <span className={`absolute inset-x-0 top-0 h-0.5 overflow-hidden ${LINES[state]}`} aria-hidden>
        {state === "current" && <span className="block h-full w-1/3 animate-scan bg-accent" />}
      </span>
      <span
        className={`flex items-center gap-1 text-xs ${
          state === "done"
            ? "font-medium"
            : state === "current"
              ? "font-medium text-accent"
              : state === "stopped"
                ? "font-medium text-bad"
                : "text-muted"
        }`}
      >
        {state === "done" && <Check className="size-3 shrink-0" aria-hidden />}
        {state === "stopped" && <X className="size-3 shrink-0" aria-hidden />}
        <span className="truncate">{state === "current" ? doing : name}</span>
        {state === "stopped" && <span className="sr-only"> did not happen</span>}
        {state === "waiting" && <span className="sr-only"> still to come</span>}
      </span>
      <span className="margin-note text-muted">
        {after === null ? " " : after === 0 ? "at once" : `+${span(after)}`}
      </span>
    </li>
  );
}
