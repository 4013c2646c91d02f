import { plural } from "@/lib/format";
import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];
type FieldProblem = NonNullable<Problem["errors"]>[number];

/** An error response of the API, or no response at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    title: string,
    readonly fields: readonly FieldProblem[] = [],
    /** Seconds to wait before a retry, if the API named them. */
    readonly retryAfter: number | null = null,
  ) {
    super(title);
  }

  /** Whether a retry may succeed. */
  get retriable(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Build the error of a response. API Gateway's own `{"message"}` body has no code: derive it from the status. */
export function errorFrom(response: Response, body: unknown): ApiError {
  const seconds = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(seconds) && seconds > 0 ? seconds : null;
  if (isProblem(body))
    return new ApiError(response.status, body.code, body.detail ?? body.title, body.errors ?? [], retryAfter);
  const codes: Record<number, string> = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "rate_limited",
  };
  return new ApiError(response.status, codes[response.status] ?? "unknown", response.statusText, [], retryAfter);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "title" in body;
}

export type ErrorMessage = { title: string; text: string };

/** Describe an error to a person: what happened, and what to do next. */
export function describeError(error: unknown): ErrorMessage {
  if (!(error instanceof ApiError))
    return {
      title: "Something went wrong on this page",
      text: "Reload the page. If the problem persists, contact your administrator.",
    };
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
        text: `${error.message} Use another key, or ask your administrator for the missing scope.`,
      };
    case "rate_limited":
      return { title: "Rate limit reached", text: `Try again ${retryTime(error.retryAfter)}.` };
    case "budget_exhausted":
      return { title: "No budget for this image", text: error.message };
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
  const fields = error.fields.map((field) => `${field.field}: ${field.rule}`).join("; ");
  return { title: error.message, text: fields || "Change your request and try again." };
}

function retryTime(seconds: number | null): string {
  if (seconds === null) return "in a few minutes";
  return seconds < 90 ? `in ${plural(Math.ceil(seconds), "second")}` : `in ${Math.ceil(seconds / 60)} minutes`;
}
