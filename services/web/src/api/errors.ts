import type { components } from "./schema";

type Problem = components["schemas"]["Problem"];
type FieldProblem = NonNullable<Problem["errors"]>[number];

/** An answer that is not what was asked for, or no answer at all (`status` 0). */
export class ApiError extends Error {
  override readonly name = "ApiError";

  constructor(
    readonly status: number,
    readonly code: string,
    title: string,
    readonly fields: readonly FieldProblem[] = [],
    /** Seconds to wait before asking again, where the API said so. */
    readonly retryAfter: number | null = null,
  ) {
    super(title);
  }

  /** Whether the same thing may succeed a little later. */
  get passing(): boolean {
    return this.status === 0 || this.status >= 500;
  }
}

/** Read what a response that is not ok says. The gateway's own `{"message"}` has no code: the status stands in for it. */
export function errorFrom(response: Response, body: unknown): ApiError {
  const waited = Number(response.headers.get("retry-after"));
  const retryAfter = Number.isFinite(waited) && waited > 0 ? waited : null;
  if (isProblem(body)) return new ApiError(response.status, body.code, body.title, body.errors ?? [], retryAfter);
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

export type Explained = { title: string; text: string };

/** Say in plain words what went wrong and what to do about it. */
export function explain(error: unknown): Explained {
  if (!(error instanceof ApiError))
    return {
      title: "Something broke in this page",
      text: "Load it again; if it stays broken, tell whoever runs this.",
    };
  switch (error.code) {
    case "unreachable":
      return navigator.onLine
        ? { title: "The service does not answer", text: "Your connection is fine. It is tried again by itself." }
        : {
            title: "You are offline",
            text: "What you saw before is still here. The rest comes back with the connection.",
          };
    case "insufficient_scope":
      return { title: "This key may not do that", text: `${error.message}. Use another key, or ask for that scope.` };
    case "rate_limited":
      return {
        title: "That was a lot at once",
        text: `Your key's limit is used up. There is more ${error.retryAfter ? `in ${wait(error.retryAfter)}` : "in a few minutes"}.`,
      };
    case "too_many_blocked":
      return {
        title: "Too many blocked prompts",
        text: `Prompts are taken again ${error.retryAfter ? `in ${wait(error.retryAfter)}` : "in a few minutes"}.`,
      };
  }
  if (error.status === 401 || error.status === 403)
    return {
      title: "This key is not accepted",
      text: "It may be mistyped, revoked or expired. Put another one into the settings.",
    };
  if (error.status === 404)
    return { title: "There is nothing here", text: "It was deleted, or it belongs to somebody else." };
  if (error.status >= 500)
    return {
      title: "The service has a problem",
      text: "It is on our side. Nothing you asked for is lost; try again in a moment.",
    };
  const fields = error.fields.map((field) => `${field.field}: ${field.rule}`).join("; ");
  return { title: error.message, text: fields || "Change what you sent, and try again." };
}

function wait(seconds: number): string {
  return seconds < 90 ? `${Math.ceil(seconds)} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}
