import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { mock, test } from "node:test";
import { verifyWebhook } from "../src/index.ts";

const SECRET = `whsec_${Buffer.from("a secret of the webhook").toString("base64")}`;
const BODY = JSON.stringify({ type: "webhook.ping", id: "é", timestamp: "2026-11-28T00:00:00Z" });

function headers(body = BODY, secret = SECRET, seconds = Date.now() / 1000): Record<string, string> {
  const timestamp = String(Math.floor(seconds));
  const mac = createHmac("sha256", Buffer.from(secret.slice(6), "base64")).update(`msg_1.${timestamp}.${body}`);
  return {
    "webhook-id": "msg_1",
    "webhook-timestamp": timestamp,
    "webhook-signature": `v1,${mac.digest("base64")}`,
  };
}

const invalid = { name: "WebhookVerificationError" };

test("an authentic message is returned, from text or bytes, with either kind of headers", async () => {
  assert.equal((await verifyWebhook(SECRET, headers(), BODY)).type, "webhook.ping");
  assert.equal((await verifyWebhook(SECRET, new Headers(headers()), Buffer.from(BODY))).id, "é");
});

test("the signature matches the example of Standard Webhooks", async () => {
  mock.method(Date, "now", () => 1614265330_000);
  const example = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
  };
  await verifyWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", example, '{"test": 2432232314}');
  mock.restoreAll();
});

test("one valid signature of several is enough", async () => {
  const sent = headers();
  await verifyWebhook(
    SECRET,
    { ...sent, "webhook-signature": `v1a,x v1,!! v1,AAAA ${sent["webhook-signature"]}` },
    BODY,
  );
});

test("a changed message, id, time or secret is rejected", async () => {
  await assert.rejects(verifyWebhook(SECRET, headers(), BODY.replace("ping", "pong")), invalid);
  await assert.rejects(verifyWebhook(SECRET, { ...headers(), "webhook-id": "msg_2" }, BODY), invalid);
  await assert.rejects(
    verifyWebhook(SECRET, { ...headers(), "webhook-timestamp": `${Date.now() / 1000 + 9}` }, BODY),
    invalid,
  );
  await assert.rejects(verifyWebhook(`whsec_${Buffer.from("another").toString("base64")}`, headers(), BODY), invalid);
});

test("a message of long ago or from the future is rejected, and one without a time", async () => {
  for (const offset of [-301, 302]) {
    const sent = headers(BODY, SECRET, Date.now() / 1000 + offset);
    await assert.rejects(verifyWebhook(SECRET, sent, BODY), /too old/);
  }
  await assert.rejects(verifyWebhook(SECRET, { ...headers(), "webhook-timestamp": "now" }, BODY), /too old/);
});

test("a missing header and an unusable secret are named", async () => {
  await assert.rejects(
    verifyWebhook(SECRET, { ...headers(), "webhook-signature": undefined }, BODY),
    /webhook-signature/,
  );
  await assert.rejects(verifyWebhook("whsec_", headers(), BODY), /secret/);
});
