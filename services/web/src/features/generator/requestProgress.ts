import type { RequestView } from "@/api/requests";
import { isTerminal } from "@/lib/labels";

export type ProgressStep = {
  name: string;
  /** What it is while it is being done. */
  doing: string;
  state: "done" | "current" | "waiting" | "stopped";
  /** Milliseconds after the request came, where it is done. */
  after: number | null;
  at: string | null;
};

const LINE = [
  { name: "Accepted", doing: "Being accepted", event: "ImageRequested" },
  { name: "Approved", doing: "Reading the prompt", event: "PromptApproved" },
  { name: "Drawn", doing: "Drawing", event: "ImageGenerated" },
  { name: "Checked", doing: "Looking at the picture", event: "ImageApproved" },
  { name: "Stored", doing: "Storing", event: "ImageStored" },
] as const;

/** Where a request stands on its way: from its timeline alone, so a missing event shows as missing. */
export function progressOf(view: Pick<RequestView, "status" | "created_at" | "timeline">): ProgressStep[] {
  const times = new Map(view.timeline.map(({ event, at }) => [event, at]));
  const began = new Date(times.get("ImageRequested") ?? view.created_at).getTime();
  let current = false;
  return LINE.map(({ name, doing, event }, index) => {
    const at = index === 0 ? (times.get(event) ?? view.created_at) : (times.get(event) ?? null);
    if (at !== null) return { name, doing, state: "done", at, after: new Date(at).getTime() - began };
    if (current) return { name, doing, state: "waiting", at: null, after: null };
    current = true;
    const halted = isTerminal(view.status) || view.status === "stalled";
    return { name, doing, state: halted ? "stopped" : "current", at: null, after: null };
  });
}
