/** The client of the GenAI Image Generator API: every operation as a typed function, and helpers for what takes several. */

export { type Client, type ClientOptions, createClient } from "./client.ts";
export {
  ApiError,
  FailedError,
  type FieldError,
  RejectedError,
  WaitTimeoutError,
  WebhookVerificationError,
} from "./errors.ts";
export * from "./generated/sdk.gen.ts";
export type * from "./generated/types.gen.ts";
export { download } from "./images.ts";
export { iterate } from "./lists.ts";
export {
  generate,
  isTerminal,
  type SubmitOptions,
  type SucceededRequest,
  submit,
  type WaitOptions,
  wait,
} from "./requests.ts";
export { verifyWebhook } from "./webhooks.ts";
