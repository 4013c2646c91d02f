import { create } from "zustand";

/** The API keys in use. In memory, and in the tab's session storage only where its owner chose that. */
type Session = {
  key: string | null;
  /** For the operators' pages, where the first key lacks the scope `admin`. Never stored. */
  operatorKey: string | null;
  remembered: boolean;
  signIn(key: string, remember: boolean): void;
  signOut(): void;
  useOperatorKey(key: string | null): void;
};

const SLOT = "api-key";

function stored(): string | null {
  try {
    return sessionStorage.getItem(SLOT);
  } catch {
    return null;
  }
}

function store(key: string | null): void {
  try {
    if (key === null) sessionStorage.removeItem(SLOT);
    else sessionStorage.setItem(SLOT, key);
  } catch {
    // Storage may be forbidden: the key then lives as long as the page.
  }
}

export const useSession = create<Session>((set) => {
  const key = stored();
  return {
    key,
    operatorKey: null,
    remembered: key !== null,
    signIn: (next, remember) => {
      store(remember ? next : null);
      set({ key: next, remembered: remember });
    },
    signOut: () => {
      store(null);
      set({ key: null, operatorKey: null, remembered: false });
    },
    useOperatorKey: (operatorKey) => set({ operatorKey }),
  };
});

/** Take a key handed over in the address's fragment (`#key=…`, which no server ever sees), and remove it from there. */
export function takeKeyFromAddress(): void {
  const handed = new URLSearchParams(location.hash.slice(1)).get("key");
  if (!handed) return;
  history.replaceState(history.state, "", location.pathname + location.search);
  useSession.getState().signIn(handed, true);
}
