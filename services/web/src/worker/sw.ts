// The app without a connection: the shell is kept when it is installed, and what was seen is kept as it is seen.
// Answers of the API are always asked for first; the kept ones are for when nothing answers.

export {};

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

const LISTED = self.__WB_MANIFEST;
/** Each once: an icon is listed as a file and by the manifest, and a cache refuses the same address twice. */
const SHELL_FILES = [...new Set(LISTED.map(({ url }) => `/${url}`))];
const SHELL = `shell-${digest(LISTED.map(({ url, revision }) => url + revision).join())}`;
const ANSWERS = "seen-answers";
const PICTURES = "seen-pictures";
const KEPT_ANSWERS = 200;
const KEPT_PICTURES = 400;
const READ = /\/v1\/(models|requests|images|preferences|analytics)(\/|\?|$)/;
const PICTURE = /\/images\/.+\.(webp|png)$/;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(SHELL).then((cache) => cache.addAll(SHELL_FILES.map((path) => new Request(path, { cache: "reload" })))),
  );
});

self.addEventListener("activate", (event) => {
  const old = (name: string) => name.startsWith("shell-") && name !== SHELL;
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "take-over") void self.skipWaiting();
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const path: unknown = event.notification.data;
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((windows) => {
      const [window] = windows;
      return window ? window.focus() : self.clients.openWindow(typeof path === "string" ? path : "/");
    }),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin === self.location.origin) {
    if (request.mode === "navigate") event.respondWith(shell(request));
    else if (url.pathname === "/config.json") event.respondWith(newest(request, SHELL, request.url));
    else event.respondWith(kept(request));
  } else if (request.headers.has("x-api-key") && READ.test(url.pathname)) {
    event.respondWith(newest(request, ANSWERS, request.url, KEPT_ANSWERS));
  } else if (request.destination === "image" && PICTURE.test(url.pathname)) {
    event.respondWith(picture(request, url.origin + url.pathname));
  }
});

/** Every address is the one page; without a connection, the kept one. */
async function shell(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match("/index.html")) ?? fetch(request);
}

async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

/** What the network says; what it said last where it is silent. */
async function newest(request: Request, name: string, key: string, most = Number.POSITIVE_INFINITY): Promise<Response> {
  const cache = await caches.open(name);
  try {
    const answer = await fetch(request);
    if (answer.ok) await keep(cache, key, answer.clone(), most);
    return answer;
  } catch (error) {
    const known = await cache.match(key, { ignoreVary: true });
    if (known) return known;
    throw error;
  }
}

/** A picture's address names its content, all but the signature: what is kept never grows old. */
async function picture(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(PICTURES);
  const known = await cache.match(key, { ignoreVary: true });
  if (known) return known;
  const answer = await fetch(request);
  if (answer.ok || answer.type === "opaque") await keep(cache, key, answer.clone(), KEPT_PICTURES);
  return answer;
}

/** Keep an answer, and let the oldest go where there are too many. A cache lists its keys in the order they came. */
async function keep(cache: Cache, key: string, answer: Response, most: number): Promise<void> {
  try {
    await cache.put(key, answer);
    const known = await cache.keys();
    await Promise.all(known.slice(0, Math.max(0, known.length - most)).map((old) => cache.delete(old)));
  } catch {
    // No room: then it is not kept.
  }
}

function digest(text: string): string {
  let hash = 5381;
  for (let index = 0; index < text.length; index++) hash = ((hash << 5) + hash + text.charCodeAt(index)) >>> 0;
  return hash.toString(36);
}
