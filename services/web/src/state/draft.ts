import type { NewRequest } from "genai-images-client";
import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";
import { useSession } from "./session";

/** The content of the generator form: the body of the request to send. */
export type Draft = NewRequest;

type DraftState = {
  draft: Draft;
  /** Whether a setting other than the prompt was changed. Until then, the owner's defaults apply. */
  touched: boolean;
  set(change: Partial<Draft>): void;
  replace(draft: Draft): void;
  reset(): void;
};

const EMPTY: Draft = { prompt: "" };

/** Storage for the draft. If a reload ends the session, the draft must not outlast it. */
const storage = createJSONStorage<Pick<DraftState, "draft" | "touched">>(() => {
  const stored = sessionStorage;
  return {
    getItem: (name) => stored.getItem(name),
    setItem: (name, value) => {
      const { key, remembered } = useSession.getState();
      if (key === null || remembered) stored.setItem(name, value);
    },
    removeItem: (name) => stored.removeItem(name),
  };
});

/** The draft survives navigation, and reloads if the session does. */
export const useDraft = create<DraftState>()(
  persist(
    (set) => ({
      draft: EMPTY,
      touched: false,
      set: (change) =>
        set((state) => ({
          draft: { ...state.draft, ...change },
          touched: state.touched || Object.keys(change).some((field) => field !== "prompt"),
        })),
      replace: (draft) => set({ draft, touched: true }),
      reset: () => set({ draft: EMPTY, touched: false }),
    }),
    {
      name: "draft",
      storage,
      partialize: ({ draft, touched }) => ({ draft, touched }),
    },
  ),
);

/** Build the body to send: without empty fields, and with a trimmed prompt. */
export function requestBody(draft: Draft): Draft {
  const filled = Object.entries(draft).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return { ...(Object.fromEntries(filled) as Draft), prompt: draft.prompt.trim() };
}
