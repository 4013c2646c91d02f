/** A program of a caller: uses every helper of the installed package, and prints what it got as JSON. */

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import {
  ApiError,
  createClient,
  createWebhook,
  deleteWebhook,
  download,
  generate,
  isTerminal,
  iterate,
  listImages,
  type Ping,
  RejectedError,
  type Status,
  type StatusChanged,
  showMe,
  submit,
  verifyWebhook,
  wait,
} from "genai-images-client";

const [api = "", key = "", ...statuses] = process.argv.slice(2);
const client = createClient({ api, key });

/** Start a webhook receiver. It answers 400 to a message whose signature is not valid. */
async function receive(secret: () => string, onMessage: (message: StatusChanged | Ping) => void) {
  const server = createServer(async (request, response) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of request) chunks.push(chunk);
    try {
      onMessage(await verifyWebhook(secret(), request.headers, Buffer.concat(chunks)));
      response.writeHead(204).end();
    } catch {
      response.writeHead(400).end();
    }
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

let secret = "";
const messages = new Map<string, StatusChanged>();
let arrived = () => {};
const { server, url } = await receive(
  () => secret,
  (message) => {
    if (message.type !== "request.status_changed") return;
    messages.set(message.data.request_id, message);
    arrived();
  },
);
const { data: webhook } = await createWebhook({ client, body: { url, statuses: ["succeeded"] } });
secret = webhook.secret;

const request = await generate(client, { prompt: "An interoperable fox in the snow", count: 2 });
const files = await Promise.all(request.images.map((image) => download(image)));
const kinds = files.map(({ type }) => type);
const starts = await Promise.all(files.map(async (file) => Buffer.from(await file.arrayBuffer()).subarray(1, 4).toString()));

const listed: string[] = [];
for await (const image of iterate(listImages, { client, query: { q: "interoperable", limit: 1 } })) listed.push(image.id);

const deadline = AbortSignal.timeout(30_000);
while (!messages.has(request.id)) {
  await new Promise<void>((resolve, reject) => {
    arrived = resolve;
    deadline.addEventListener("abort", () => reject(new Error("No webhook call arrived within 30 s.")));
  });
}
await deleteWebhook({ client, path: { webhook_id: webhook.webhook_id } });
server.close();

const rejected = await submit(client, "h3nt4i, p.0.r.n s.t.a.r");
const rejection: unknown = await wait(client, rejected.id).catch((error: unknown) => error);
if (!(rejection instanceof RejectedError)) throw rejection;

const invalid: unknown = await generate(client, { prompt: "A fox", count: 99 }).catch((error: unknown) => error);
const denied: unknown = await showMe({ client: createClient({ api, key: "gik_wrong" }) }).catch((error: unknown) => error);
if (!(invalid instanceof ApiError) || !(denied instanceof ApiError)) throw new Error("An error is not an ApiError.");

process.stdout.write(
  JSON.stringify({
    images: request.images.map(({ id }) => id),
    kinds,
    starts,
    listed,
    message: messages.get(request.id)?.data.status,
    rejection: { status: rejection.status, field: rejection.field, category: rejection.category },
    invalid: { status: invalid.status, code: invalid.code, fields: invalid.errors.map(({ field }) => field) },
    callId: invalid.callId,
    denied: denied.status,
    terminal: statuses.filter((status) => isTerminal(status as Status)),
  }),
);
