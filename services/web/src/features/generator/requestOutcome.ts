import type { RequestView } from "@/api/requests";
import { categoryLabel } from "@/lib/labels";

export type OutcomeNotice = { tone: "error" | "warn" | "plain"; title: string; text: string; canEdit: boolean };

/** Why a request has no pictures, and what can be done, in plain words. Null where there is nothing to describeError. */
export function explainOutcome({ status, reason }: Pick<RequestView, "status" | "reason">): OutcomeNotice | null {
  switch (status) {
    case "rejected":
      return rejected(reason);
    case "failed":
      return {
        tone: "error",
        title: "The model could not draw this",
        text: "It was tried more than once. Asking again, or asking another model, may help.",
        canEdit: true,
      };
    case "expired":
      return {
        tone: "error",
        title: "It took too long and was given up",
        text: "Something on our side was stuck. Ask again.",
        canEdit: true,
      };
    case "cancelled":
      return {
        tone: "info",
        title: "You took it back",
        text: "Nothing was drawn and nothing is paid.",
        canEdit: true,
      };
    case "stalled":
      return {
        tone: "warning",
        title: "It waits for an operator",
        text: "A step broke. It is kept and goes on once that is mended: no need to ask again.",
        canEdit: false,
      };
    default:
      return null;
  }
}

function rejected(reason: RequestView["reason"]): OutcomeNotice {
  const where = reason?.field === "negative_prompt" ? "What to leave out" : "The prompt";
  const because = reason?.category ? ` because of ${categoryLabel(reason.category)}` : "";
  if (reason?.field === "picture")
    return {
      tone: "error",
      title: "The picture was not kept",
      text: `What the model drew was stopped${because}. Words that lead elsewhere may help.`,
      canEdit: true,
    };
  if (reason?.code === "content_filtered")
    return {
      tone: "error",
      title: "The model declined",
      text: "Its own filter stopped what was asked. Other words, or another model, may help.",
      canEdit: true,
    };
  return {
    tone: "error",
    title: `${where} was not let through`,
    text: because
      ? `It was stopped${because}. If that is a misunderstanding, say it in other words and try again.`
      : "It could not be cleared. Say it in other words and try again.",
    canEdit: true,
  };
}
