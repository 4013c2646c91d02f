import { create } from "zustand";
import { createJSONStorage, persist } from "zustand/middleware";
import type { Schemas } from "@/api/client";

/** What the generator's form holds: the body that will be sent. */
export type Draft = Schemas["NewRequest"];

type DraftState = {
  draft: Draft;
  /** Whether anybody touched more than the prompt: preferences fill in only what nobody chose. */
  touched: boolean;
  set(change: Partial<Draft>): void;
  replace(draft: Draft): void;
  reset(): void;
};

const EMPTY: Draft = { prompt: "" };

/** The form outlives a visit to another page and a reload, for as long as the tab. */
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
      storage: createJSONStorage(() => sessionStorage),
      partialize: ({ draft, touched }) => ({ draft, touched }),
    },
  ),
);

/** The body to send: nothing that was left empty, nothing with spaces around it. */
export function bodyOf(draft: Draft): Draft {
  const filled = Object.entries(draft).filter(([, value]) => value !== null && value !== undefined && value !== "");
  return { ...(Object.fromEntries(filled) as Draft), prompt: draft.prompt.trim() };
}
