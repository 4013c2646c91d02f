// Offline support. The app shell is precached on install; API responses and images are cached as they are loaded.
// API responses come from the network first, and from the cache only if the network fails.

export {};

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

const PRECACHE = self.__WB_MANIFEST;
/** Without duplicates: icons are listed twice, and `addAll` rejects duplicate URLs. */
const SHELL_FILES = [...new Set(PRECACHE.map(({ url }) => `/${url}`))];
const SHELL = `shell-${digest(PRECACHE.map(({ url, revision }) => url + revision).join())}`;
const RESPONSES = "owner-responses";
const IMAGES = "owner-images";
const MAX_RESPONSES = 200;
const MAX_IMAGES = 400;
const CACHED_ROUTES = /\/v1\/(models|requests|images|preferences|analytics)(\/|\?|$)/;
const IMAGE_FILE = /\/images\/.+\.(webp|png)$/;

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
  if (event.data === "skip-waiting") void self.skipWaiting();
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
    else if (url.pathname === "/config.json") event.respondWith(networkFirst(request, SHELL, request.url));
    else event.respondWith(precached(request));
  } else if (request.headers.has("x-api-key") && CACHED_ROUTES.test(url.pathname)) {
    event.respondWith(networkFirst(request, RESPONSES, request.url, MAX_RESPONSES));
  } else if (request.destination === "image" && IMAGE_FILE.test(url.pathname)) {
    event.respondWith(cachedImage(request, url.origin + url.pathname));
  }
});

/** Serve the precached page for every navigation. */
async function shell(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match("/index.html")) ?? fetch(request);
}

async function precached(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  return (await cache.match(request, { ignoreVary: true })) ?? fetch(request);
}

/** Respond from the network, and from the cache if the network fails. */
async function networkFirst(
  request: Request,
  name: string,
  key: string,
  max = Number.POSITIVE_INFINITY,
): Promise<Response> {
  const cache = await caches.open(name);
  try {
    const response = await fetch(request);
    if (response.ok) await store(cache, key, response.clone(), max);
    return response;
  } catch (error) {
    const known = await cache.match(key, { ignoreVary: true });
    if (known) return known;
    throw error;
  }
}

/** Respond from the cache first: apart from its signature, the URL of an image identifies its content. */
async function cachedImage(request: Request, key: string): Promise<Response> {
  const cache = await caches.open(IMAGES);
  const known = await cache.match(key, { ignoreVary: true });
  if (known) return known;
  const response = await fetch(request);
  if (response.ok || response.type === "opaque") await store(cache, key, response.clone(), MAX_IMAGES);
  return response;
}

/** Store a response and evict the oldest ones above the limit. A cache lists its keys in insertion order. */
async function store(cache: Cache, key: string, response: Response, max: number): Promise<void> {
  try {
    await cache.put(key, response);
    const known = await cache.keys();
    await Promise.all(known.slice(0, Math.max(0, known.length - max)).map((old) => cache.delete(old)));
  } catch {
    // The storage quota is exhausted: do not cache.
  }
}

function digest(text: string): string {
  let hash = 5381;
  for (let index = 0; index < text.length; index++) hash = ((hash << 5) + hash + text.charCodeAt(index)) >>> 0;
  return hash.toString(36);
}
