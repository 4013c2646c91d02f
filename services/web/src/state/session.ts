import { create } from "zustand";

/** The API keys in use. Kept in memory, and in the tab's session storage only if the owner opted in. */
type Session = {
  key: string | null;
  /** For the operators' pages if the first key lacks the scope `admin`. Never stored. */
  operatorKey: string | null;
  remembered: boolean;
  signIn(key: string, remember: boolean): void;
  signOut(): void;
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

function storeKey(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(STORAGE_KEY);
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
    signIn: (next, remember) => {
      storeKey(remember ? next : null);
      set({ key: next, remembered: remember });
    },
    signOut: () => {
      storeKey(null);
      set({ key: null, operatorKey: null, remembered: false });
    },
    setOperatorKey: (operatorKey) => set({ operatorKey }),
  };
});

/** Sign in with the key in the URL fragment (`#key=…`, which is never sent to a server) and remove it from the URL. */
export function signInFromUrl(): void {
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!key) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  useSession.getState().signIn(key, true);
}
