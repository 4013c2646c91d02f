import type { Problem, RequestView } from "./generated/types.gen.ts";

/** An invalid field of a request, and the rule that its value breaks. */
export type FieldError = NonNullable<Problem["errors"]>[number];

/** What is known of an error response. */
type ErrorResponse = {
  status: number;
  code: string;
  title: string;
  detail?: string | undefined;
  errors?: readonly FieldError[] | undefined;
  callId?: string | null | undefined;
  retryAfter?: number | null | undefined;
  cause?: unknown;
};

/** Codes of the errors that API Gateway returns by itself, without a code. */
const CODES: Record<number, string> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  429: "rate_limited",
};

/** An error response of the API, or no response at all (`status` 0, `code` "unreachable"). Decide by `status` and `code`. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  readonly code: string;
  /** A summary for people. */
  readonly title: string;
  /** What is wrong in this case, for people. */
  readonly detail: string | null;
  readonly errors: readonly FieldError[];
  /** The id of the call, for support. */
  readonly callId: string | null;
  /** Seconds to wait before a retry, if the API named them. */
  readonly retryAfter: number | null;

  constructor({ status, code, title, detail, errors = [], callId, retryAfter, cause }: ErrorResponse) {
    const fields = errors.map(({ field, rule }) => `${field}: ${rule}`);
    super([title, detail, ...fields].filter(Boolean).join(" · "), cause === undefined ? undefined : { cause });
    this.status = status;
    this.code = code;
    this.title = title;
    this.detail = detail ?? null;
    this.errors = errors;
    this.callId = callId ?? null;
    this.retryAfter = retryAfter ?? null;
  }

  /** Build the error of a response with this parsed body. Without a response, `body` is the error of `fetch`. */
  static from(body: unknown, response: Response | undefined): ApiError {
    if (response === undefined || response.ok)
      return new ApiError({ status: 0, code: "unreachable", title: "The API did not respond", cause: body });
    const { status, statusText, headers } = response;
    const callId = headers.get("x-call-id") ?? headers.get("apigw-requestid");
    const retryAfter = retryAfterSeconds(response);
    if (isProblem(body)) {
      const { code, title, detail, errors, call_id } = body;
      return new ApiError({ status, code, title, detail, errors, callId: call_id ?? callId, retryAfter });
    }
    const title = isMessage(body) ? body.message : statusText || `HTTP status ${status}`;
    return new ApiError({ status, code: CODES[status] ?? "unknown", title, callId, retryAfter });
  }
}

/** Return the seconds of `Retry-After`, or null without one. */
export function retryAfterSeconds({ headers }: Response): number | null {
  const value = headers.get("retry-after");
  return value !== null && /^\d+$/.test(value) ? Number(value) : null;
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "code" in body && "title" in body;
}

function isMessage(body: unknown): body is { message: string } {
  return typeof body === "object" && body !== null && "message" in body && typeof body.message === "string";
}

/** A request that ended without images. It does not contain the prompt, which is personal data. */
abstract class RequestError extends Error {
  readonly requestId: string;
  readonly status: RequestView["status"];
  /** A stable code, for programs. */
  readonly code: string | null;

  constructor({ id, status, reason }: RequestView) {
    super(reason?.detail ?? `Request ${id} is ${status}`);
    this.requestId = id;
    this.status = status;
    this.code = reason?.code ?? null;
  }
}

/** The prompt or every image violates the content policy. */
export class RejectedError extends RequestError {
  override readonly name = "RejectedError";
  /** The category of the policy. */
  readonly category: string | null;
  /** The field of the request that was rejected. */
  readonly field: string | null;

  constructor(view: RequestView) {
    super(view);
    this.category = view.reason?.category ?? null;
    this.field = view.reason?.field ?? null;
  }
}

/** The request failed, expired or was cancelled. */
export class FailedError extends RequestError {
  override readonly name = "FailedError";
}

/** The request is still in progress after the time that was given. `wait(client, requestId)` continues. */
export class WaitTimeoutError extends Error {
  override readonly name = "WaitTimeoutError";
  readonly requestId: string;
  readonly status: RequestView["status"];

  constructor(requestId: string, status: RequestView["status"]) {
    super(`Request ${requestId} is still ${status}: wait longer`);
    this.requestId = requestId;
    this.status = status;
  }
}

/** A webhook message that is not authentic, or too old. */
export class WebhookVerificationError extends Error {
  override readonly name = "WebhookVerificationError";
}
