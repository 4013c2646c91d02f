import { ApiError } from "genai-images-client";
import { plural } from "@/lib/format";

/** Return whether a retry may succeed: without a response, or after a failure of the API. */
export function isRetriable(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status >= 500);
}

export type ErrorMessage = { title: string; text: string };

/** Describe an error to a person: what happened, and what to do next. */
export function describeError(error: unknown): ErrorMessage {
  if (!(error instanceof ApiError))
    return {
      title: "Something went wrong on this page",
      text: "Reload the page. If the problem persists, contact your administrator.",
    };
  const summary = error.detail ?? error.title;
  switch (error.code) {
    case "unreachable":
      return navigator.onLine
        ? {
            title: "The service is not responding",
            text: "Your internet connection is working. We keep trying to reconnect.",
          }
        : {
            title: "You are offline",
            text: "You can still view what you have already opened. Everything else loads when you are back online.",
          };
    case "insufficient_scope":
      return {
        title: "This API key lacks permission",
        text: `${summary} Use another key, or ask your administrator for the missing scope.`,
      };
    case "consent_required":
      return {
        title: "Your consent is required",
        text: "To generate images, read the terms and the privacy notice and agree to them.",
      };
    case "rate_limited":
      return { title: "Rate limit reached", text: `Try again ${retryTime(error.retryAfter)}.` };
    case "writes_stopped":
      return {
        title: "New images are paused",
        text: `We are maintaining the service. Try again ${retryTime(error.retryAfter)}. Your earlier requests are safe.`,
      };
    case "overloaded":
      return {
        title: "Many images are being made right now",
        text: `We finish those first. Try again ${retryTime(error.retryAfter)}. Your earlier requests are safe.`,
      };
    case "budget_exhausted":
      return { title: "No budget for this image", text: summary };
    case "too_many_blocked":
      return {
        title: "Too many blocked prompts",
        text: `You can send prompts again ${retryTime(error.retryAfter)}.`,
      };
  }
  if (error.status === 401 || error.status === 403)
    return {
      title: "This API key was not accepted",
      text: "It may be mistyped, revoked or expired. Enter another key in Settings.",
    };
  if (error.status === 404)
    return { title: "Not found", text: "It may have been deleted, or it belongs to another owner." };
  if (error.status >= 500)
    return {
      title: "Something failed on our side",
      text: "Your accepted requests are safe. Try again in a moment.",
    };
  const fields = error.errors.map((field) => `${field.field}: ${field.rule}`).join("; ");
  return { title: summary, text: fields || "Change your request and try again." };
}

function retryTime(seconds: number | null): string {
  if (seconds === null) return "in a few minutes";
  return seconds < 90 ? `in ${plural(Math.ceil(seconds), "second")}` : `in ${Math.ceil(seconds / 60)} minutes`;
}
