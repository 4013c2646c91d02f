import type { RequestView } from "genai-images-client";
import { categoryLabel } from "@/lib/labels";

export type OutcomeNotice = { tone: "error" | "warning" | "info"; title: string; text: string; canEdit: boolean };

/** Explain why a request has no images, and what to do next. Returns null if there is nothing to explain. */
export function explainOutcome(
  view: Pick<RequestView, "status" | "reason" | "timeline" | "billed">,
): OutcomeNotice | null {
  switch (view.status) {
    case "rejected":
      return explainRejection(view);
    case "failed":
      if (view.reason?.code === "budget_exhausted")
        return {
          tone: "error",
          title: "The daily budget is used up",
          text: "It did not cover this image. Choose a cheaper model, or try again after 00:00 UTC.",
          canEdit: true,
        };
      return {
        tone: "error",
        title: "The image could not be generated",
        text: "Try again, or choose another model.",
        canEdit: true,
      };
    case "expired":
      return {
        tone: "error",
        title: "The request took too long",
        text: "Something failed on our side, and the request has expired. Try again.",
        canEdit: true,
      };
    case "cancelled":
      return {
        tone: "info",
        title: "You cancelled this request",
        text:
          view.billed === "true"
            ? "An image was already being generated, so it may be charged. It is not shown."
            : "No image is delivered.",
        canEdit: true,
      };
    case "stalled":
      return {
        tone: "warning",
        title: "Paused",
        text: "Something failed on our side. Your request is saved and will resume once we have fixed it.",
        canEdit: false,
      };
    default:
      return null;
  }
}

function explainRejection({ reason, timeline }: Pick<RequestView, "reason" | "timeline">): OutcomeNotice {
  const category = reason?.category ? ` Category: ${categoryLabel(reason.category)}.` : "";
  if (timeline.some(({ event }) => event === "ImageRejected"))
    return {
      tone: "error",
      title: "The image was rejected",
      text: `The generated image violates our content policy.${category} Change your prompt and try again.`,
      canEdit: true,
    };
  if (reason?.code === "content_filtered")
    return {
      tone: "error",
      title: "The model rejected this request",
      text: "The content filter of the model blocked it. Rephrase your prompt, or choose another model.",
      canEdit: true,
    };
  const field = reason?.field === "negative_prompt" ? "negative prompt" : "prompt";
  return {
    tone: "error",
    title: `The ${field} was rejected`,
    text: category
      ? `It violates our content policy.${category} Rephrase it and try again.`
      : "It could not be checked against our content policy. Rephrase it and try again.",
    canEdit: true,
  };
}

/** Rejections of which nobody judged the content, or only the filter of the model. */
const NOT_APPEALABLE = new Set(["content_filtered", "text_too_long", "text_not_accepted"]);

/** Return whether an operator can change the rejection of a request. */
export function isAppealable(view: Pick<RequestView, "status" | "reason">): boolean {
  return view.status === "rejected" && !NOT_APPEALABLE.has(view.reason?.code ?? "");
}
