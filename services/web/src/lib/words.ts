/** What the API's terms are called in the app. */

export const ENDINGS = ["succeeded", "rejected", "failed", "cancelled", "expired"] as const;

export function isOver(status: string): boolean {
  return (ENDINGS as readonly string[]).includes(status);
}

const STATUSES: Record<string, string> = {
  accepted: "Accepted",
  generating: "Drawing",
  checking: "Checking the picture",
  storing: "Storing",
  stalled: "Waiting for an operator",
  succeeded: "Done",
  rejected: "Not drawn",
  failed: "Failed",
  cancelled: "Taken back",
  expired: "Given up",
};

export function statusWord(status: string): string {
  return STATUSES[status] ?? sentence(status);
}

const CATEGORIES: Record<string, string> = {
  child_safety: "the safety of children",
  sexual: "sexual content",
  hate: "hate",
  extremism: "extremism",
  self_harm: "self-harm",
  violence: "graphic violence",
  illegal: "illegal or dangerous acts",
  public_figure: "real, known people",
  prompt_injection: "instructions to the system instead of a picture",
  unclassified: "our content rules",
};

/** The subject of a policy's category, to follow "because of". */
export function categoryWord(category: string): string {
  return CATEGORIES[category] ?? category.replaceAll("_", " ");
}

/** `some_name`, `SOME_NAME` or `some-name` as words. */
export function sentence(term: string): string {
  const words = term.replaceAll(/[_-]+/g, " ").toLowerCase().trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}
