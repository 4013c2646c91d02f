import type { RequestView } from "genai-images-client";

/** Return the outcome of a finished request and the start of its prompt. */
export function outcomeMessage(view: RequestView): string {
  const { prompt } = view.request;
  const short = prompt.length > 60 ? `${prompt.slice(0, 59)}…` : prompt;
  switch (view.status) {
    case "succeeded":
      return `Done: ${short}`;
    case "rejected":
      return `Rejected: ${short}`;
    case "cancelled":
      return `Cancelled: ${short}`;
    case "expired":
      return `Expired: ${short}`;
    default:
      return `Failed: ${short}`;
  }
}
