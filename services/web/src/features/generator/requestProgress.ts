import { isTerminal, type RequestView } from "genai-images-client";

export type ProgressStep = {
  name: string;
  /** The label while the step is in progress. */
  activeName: string;
  state: "done" | "current" | "waiting" | "stopped";
  /** Milliseconds since the request was accepted; null until the step is done. */
  after: number | null;
  at: string | null;
};

const STEPS = [
  { name: "Accepted", activeName: "Accepting", event: "ImageRequested" },
  { name: "Approved", activeName: "Checking prompt", event: "PromptApproved" },
  { name: "Generated", activeName: "Generating", event: "ImageGenerated" },
  { name: "Checked", activeName: "Checking image", event: "ImageApproved" },
  { name: "Stored", activeName: "Storing", event: "ImageStored" },
] as const;

/** Derive the progress of a request from its timeline, so that a missing event shows as missing. */
export function progressOf(view: Pick<RequestView, "status" | "created_at" | "timeline">): ProgressStep[] {
  const times = new Map(view.timeline.map(({ event, at }) => [event, at]));
  const startedAt = new Date(times.get("ImageRequested") ?? view.created_at).getTime();
  let current = false;
  return STEPS.map(({ name, activeName, event }, index) => {
    const at = index === 0 ? (times.get(event) ?? view.created_at) : (times.get(event) ?? null);
    if (at !== null) return { name, activeName, state: "done", at, after: new Date(at).getTime() - startedAt };
    if (current) return { name, activeName, state: "waiting", at: null, after: null };
    current = true;
    const stopped = isTerminal(view.status) || view.status === "stalled";
    return { name, activeName, state: stopped ? "stopped" : "current", at: null, after: null };
  });
}
