// Images that the service worker stores, one cache per API key. Pages and the worker share this module.

const PREFIX = "images-";
/** The public part of an API key, which identifies it. */
const KEY_ID = /^gik_([a-z2-7]{12})_/;

/** Return the name of a key's cache: a digest of the key's id. Null if the text has no id or the browser has no caches. */
export async function imageCacheName(key: string): Promise<string | null> {
  const id = KEY_ID.exec(key)?.[1];
  if (id === undefined || !("caches" in globalThis) || !("locks" in navigator)) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(id)));
  return PREFIX + [...digest.slice(0, 16)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Create a cache and hold it until the page is closed: a cache that no page holds is deleted. */
export async function holdImageCache(name: string): Promise<void> {
  await new Promise<void>((held, failed) => {
    const untilClosed = () => {
      held();
      return new Promise<void>(() => undefined);
    };
    navigator.locks.request(name, { mode: "shared" }, untilClosed).catch(failed);
  });
  await caches.open(name);
}

/** Delete the caches that no page holds: their sessions ended when their tabs were closed. */
export async function deleteUnusedImageCaches(): Promise<void> {
  if (!("caches" in globalThis) || !("locks" in navigator)) return;
  for (const name of (await caches.keys()).filter(isImageCache))
    await navigator.locks.request(name, { ifAvailable: true }, (lock) => (lock ? caches.delete(name) : false));
}

export function isImageCache(name: string): boolean {
  return name.startsWith(PREFIX);
}

/** Name the cache in the URL's fragment, which no server sees. It is how the worker learns whose image it loads. */
export function urlWithCache(url: string, name: string | null): string {
  return name === null ? url : `${url}#${name}`;
}

/** Delete all files of one image, of which `url` is one. */
export async function deleteCachedImage(name: string | null, url: string): Promise<void> {
  if (name === null || !(await caches.has(name))) return;
  const folder = new URL(".", url.split(/[?#]/, 1)[0]).href;
  const cache = await caches.open(name);
  const files = (await cache.keys()).filter((file) => file.url.startsWith(folder));
  await Promise.all(files.map((file) => cache.delete(file, { ignoreVary: true })));
}
