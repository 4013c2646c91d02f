// The app shell is precached on install, so that the app starts offline. Images are cached as they are loaded, if the page
// names a cache that exists: it creates one only for offline reading. Responses of the API are never cached here.

import { deleteEndedSessions, fileOf, isImageCache, type NotificationData } from "../lib/imageCache";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

const PRECACHE = self.__WB_MANIFEST;
/** Without duplicates: icons are listed twice, and `addAll` rejects duplicate URLs. */
const SHELL_FILES = [...new Set(PRECACHE.map(({ url }) => `/${url}`))];
const SHELL = `shell-${digest(PRECACHE.map(({ url, revision }) => url + revision).join())}`;
const MAX_IMAGES = 400;
/** Time in which a reloaded page opens again. */
const RELOAD_MILLISECONDS = 5_000;

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches.open(SHELL).then((cache) => cache.addAll(SHELL_FILES.map((path) => new Request(path, { cache: "reload" })))),
  );
});

self.addEventListener("activate", (event) => {
  const old = (name: string) => name !== SHELL && !isImageCache(name);
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener("message", (event) => {
  if (event.data === "skip-waiting") void self.skipWaiting();
  if (event.data === "page-closed") {
    const reloaded = new Promise((done) => setTimeout(done, RELOAD_MILLISECONDS));
    event.waitUntil(reloaded.then(() => deleteEndedSessions(self.registration)));
  }
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { path }: NotificationData = event.notification.data;
  event.waitUntil(
    self.clients.matchAll({ type: "window" }).then((windows) => {
      const [window] = windows;
      return window ? window.focus() : self.clients.openWindow(path);
    }),
  );
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const url = new URL(request.url);
  if (url.origin === self.location.origin) {
    if (/^\/reference(\/|$)/.test(url.pathname)) return; // a page of its own
    if (request.mode === "navigate") event.respondWith(shell(request));
    else if (url.pathname === "/config.json") event.respondWith(configuration(request));
    else event.respondWith(precached(request));
  } else if (request.destination === "image" || isImageCache(url.hash.slice(1))) {
    event.respondWith(image(url, request.headers.get("accept") ?? "*/*"));
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

/** Serve the configuration from the network, and from the cache if the network fails. */
async function configuration(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL);
  try {
    const response = await fetch(request);
    if (response.ok) await store(cache, request.url, response.clone());
    return response;
  } catch (error) {
    const known = await cache.match(request, { ignoreVary: true });
    if (known) return known;
    throw error;
  }
}

/** Serve an image from the cache first: apart from its signature, the URL of an image identifies its content. */
async function image(url: URL, accept: string): Promise<Response> {
  const [name, key] = [url.hash.slice(1), fileOf(url)];
  const known = isImageCache(name) && (await caches.match(key, { cacheName: name, ignoreVary: true }));
  if (known) return known;
  // `no-store`, because a page cannot delete from the browser's own cache. `cors`, because other responses hide errors.
  // The CDN chooses the format by the types that the page accepts.
  const response = await fetch(url.href, { mode: "cors", credentials: "omit", cache: "no-store", headers: { accept } });
  // There is no cache without offline reading, and none after signing out.
  if (response.ok && isImageCache(name) && (await caches.has(name))) {
    const cache = await caches.open(name);
    await store(cache, key, response.clone());
    const files = await cache.keys(); // the oldest first
    await Promise.all(files.slice(0, Math.max(0, files.length - MAX_IMAGES)).map((file) => cache.delete(file)));
  }
  return response;
}

async function store(cache: Cache, key: string, response: Response): Promise<void> {
  if (response.headers.get("cache-control")?.includes("no-store")) return;
  try {
    await cache.put(key, response);
  } catch {
    // The storage quota is exhausted: do not cache.
  }
}

function digest(text: string): string {
  let hash = 5381;
  for (let index = 0; index < text.length; index++) hash = ((hash << 5) + hash + text.charCodeAt(index)) >>> 0;
  return hash.toString(36);
}
