import { WebhookVerificationError } from "./errors.ts";
import type { Ping, StatusChanged } from "./generated/types.gen.ts";

const PREFIX = "whsec_";
const VERSION = "v1,";
/** A message that is older may be a replay of a recorded one. */
const TOLERANCE_SECONDS = 300;

type HeaderMap = Headers | Record<string, string | readonly string[] | undefined>;

/**
 * Return the message of a webhook call after checking its signature (Standard Webhooks).
 *
 * `body` must be exactly as received, not parsed. Throws a `WebhookVerificationError`.
 */
export async function verifyWebhook(
  secret: string,
  headers: HeaderMap,
  body: string | Uint8Array,
): Promise<StatusChanged | Ping> {
  const id = header(headers, "webhook-id");
  const timestamp = header(headers, "webhook-timestamp");
  const signatures = header(headers, "webhook-signature").split(" ");
  const age = Math.abs(Date.now() / 1000 - Number(timestamp));
  // Negated, so that it also holds for NaN.
  if (!(age <= TOLERANCE_SECONDS)) throw new WebhookVerificationError("The message is too old, or from the future");

  const encoder = new TextEncoder();
  const content = typeof body === "string" ? encoder.encode(body) : body;
  const start = encoder.encode(`${id}.${timestamp}.`);
  const signed = new Uint8Array(start.length + content.length);
  signed.set(start);
  signed.set(content, start.length);

  const key = await importKey(secret);
  for (const signature of signatures) {
    if (!signature.startsWith(VERSION)) continue;
    const bytes = fromBase64(signature.slice(VERSION.length));
    // `verify` compares in constant time.
    if (bytes && (await crypto.subtle.verify("HMAC", key, bytes, signed)))
      return JSON.parse(new TextDecoder().decode(content));
  }
  throw new WebhookVerificationError("No signature of the message is valid for this secret");
}

function header(headers: HeaderMap, name: string): string {
  const value =
    headers instanceof Headers
      ? headers.get(name)
      : Object.entries(headers).find(([key]) => key.toLowerCase() === name)?.[1];
  if (typeof value !== "string" || value === "") throw new WebhookVerificationError(`The header ${name} is missing`);
  return value;
}

function importKey(secret: string): Promise<CryptoKey> {
  const bytes = fromBase64(secret.startsWith(PREFIX) ? secret.slice(PREFIX.length) : secret);
  if (!bytes?.length) throw new WebhookVerificationError("The secret is not `whsec_` and base64");
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["verify"]);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
