import type { NewRequest } from "genai-images-client";
import { create } from "zustand";
import { persist } from "zustand/middleware";
import { storageFor } from "./tabStorage";

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
      storage: storageFor<Pick<DraftState, "draft" | "touched">>(),
      partialize: ({ draft, touched }) => ({ draft, touched }),
    },
  ),
);

/** Build the body to send: without empty fields, and with a trimmed prompt. */
export function requestBody(draft: Draft): Draft {
  const filled = Object.entries(draft).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return { ...(Object.fromEntries(filled) as Draft), prompt: draft.prompt.trim() };
}
