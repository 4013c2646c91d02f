import { create } from "zustand";
import { deleteUnusedImageCaches, holdImageCache, imageCacheName } from "@/lib/imageCache";
import { executePendingDeletions } from "./deletions";

/**
 * The API keys in use. A session belongs to one tab. It ends with the tab, or with a reload unless the key is remembered
 * in the tab's session storage. Another user starts with a new page, so that no variable keeps anything of the last one.
 */
type Session = {
  key: string | null;
  /** For the operators' pages if the first key lacks the scope `admin`. Never stored. */
  operatorKey: string | null;
  remembered: boolean;
  /** The cache for this key's images, if the browser can store any. */
  imageCache: string | null;
  /** The key of a link that was opened. Unused until the user confirms it. */
  linkKey: string | null;
  setOperatorKey(key: string | null): void;
};

const STORAGE_KEY = "api-key";

function storedKey(): string | null {
  try {
    return sessionStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

/** Remember the key in this tab. Null forgets it, and everything else that the tab stores: drafts and scroll positions. */
function storeKey(key: string | null): void {
  try {
    if (key === null) sessionStorage.clear();
    else sessionStorage.setItem(STORAGE_KEY, key);
  } catch {
    // Storage may be blocked. The key then lasts until the page is closed.
  }
}

export const useSession = create<Session>((set) => {
  const key = storedKey();
  return {
    key,
    operatorKey: null,
    remembered: key !== null,
    imageCache: null,
    linkKey: null,
    setOperatorKey: (operatorKey) => set({ operatorKey }),
  };
});

const channel = "BroadcastChannel" in globalThis ? new BroadcastChannel("sign-out") : null;

/** Continue the remembered session, delete what ended sessions left in this browser, and follow the other tabs. */
export async function startSession(): Promise<void> {
  const { key } = useSession.getState();
  if (key !== null) useSession.setState({ imageCache: await openImageCache(key) });
  await deleteUnusedImageCaches().catch(() => undefined);
  channel?.addEventListener("message", ({ data }) => {
    const { key: current, imageCache } = useSession.getState();
    if (current !== null && data === imageCache) void endSession();
  });
  // A page from the back/forward cache shows the session that it had when it was left.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) location.reload();
  });
}

/** Use a key from now on. If another key is in use, its session ends first. */
export async function signIn(key: string, remember: boolean): Promise<void> {
  const { key: previous } = useSession.getState();
  if (previous !== null && previous !== key) {
    await deleteUserData();
    storeKey(key);
    location.reload();
    return;
  }
  const imageCache = await openImageCache(key);
  storeKey(remember ? key : null);
  useSession.setState({ key, remembered: remember, imageCache, linkKey: null });
}

/** End the session in every tab that uses this key. */
export async function signOut(): Promise<void> {
  const { imageCache } = useSession.getState();
  if (imageCache !== null) channel?.postMessage(imageCache);
  await endSession();
}

async function endSession(): Promise<void> {
  await deleteUserData();
  location.replace("/");
}

/** Delete what this browser stores of the user. The new page that follows forgets the rest. */
async function deleteUserData(): Promise<void> {
  executePendingDeletions();
  const { imageCache } = useSession.getState();
  await Promise.allSettled([imageCache !== null && caches.delete(imageCache), closeNotifications()]);
  storeKey(null);
}

/** Close this user's notifications. The next user decides anew whether to have any. */
async function closeNotifications(): Promise<void> {
  localStorage.removeItem("notifications");
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const notification of (await registration?.getNotifications()) ?? []) notification.close();
}

async function openImageCache(key: string): Promise<string | null> {
  try {
    const name = await imageCacheName(key);
    if (name !== null) await holdImageCache(name);
    return name;
  } catch {
    return null; // Storage may be blocked. Images are then loaded each time.
  }
}

/**
 * Remove a key from the URL (`#key=…`; a fragment is never sent to a server) and keep it for the user to confirm. Whoever
 * follows a foreign link must not work in a foreign account unawares.
 */
export function takeKeyFromUrl(): void {
  const linkKey = new URLSearchParams(location.hash.slice(1)).get("key");
  if (linkKey === null) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  useSession.setState((session) => ({ linkKey: linkKey === session.key || linkKey === "" ? null : linkKey }));
}
