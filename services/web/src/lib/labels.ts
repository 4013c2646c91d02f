/** Labels for the terms of the API. */

import type { Status } from "genai-images-client";

const STATUSES: Record<Status, string> = {
  accepted: "Accepted",
  generating: "Generating",
  checking: "Checking image",
  storing: "Storing",
  stalled: "Paused",
  succeeded: "Done",
  rejected: "Rejected",
  failed: "Failed",
  cancelled: "Cancelled",
  expired: "Expired",
};

export function statusLabel(status: Status): string {
  return STATUSES[status];
}

const CATEGORIES: Record<string, string> = {
  child_safety: "child safety",
  sexual: "sexual content",
  hate: "hate",
  extremism: "extremism",
  self_harm: "self-harm",
  violence: "graphic violence",
  illegal: "illegal or dangerous acts",
  public_figure: "real, recognisable people",
  prompt_injection: "instructions to the system",
  unclassified: "content policy",
};

/** Return the label of a content policy category, in lower case. */
export function categoryLabel(category: string): string {
  return CATEGORIES[category] ?? category.replaceAll("_", " ");
}

/** Turn `some_name`, `SOME_NAME` or `some-name` into "Some name". */
export function humanize(term: string): string {
  const words = term.replaceAll(/[_-]+/g, " ").toLowerCase().trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
