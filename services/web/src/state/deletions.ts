import { create } from "zustand";

type Pending = { timer: ReturnType<typeof setTimeout>; run(): void };
type Deletions = {
  /** Pictures that are out of sight already and will be deleted when their time to be fetched back is over. */
  ids: ReadonlySet<string>;
  schedule(id: string, run: () => void): void;
  undo(id: string): void;
};

export const UNDO_MILLISECONDS = 7_000;
const pending = new Map<string, Pending>();

export const useDeletions = create<Deletions>((set) => {
  const forget = (id: string) => {
    const waiting = pending.get(id);
    if (!waiting) return;
    clearTimeout(waiting.timer);
    pending.delete(id);
  };
  return {
    ids: new Set(),
    schedule: (id, run) => {
      forget(id);
      const go = () => {
        forget(id);
        run();
      };
      pending.set(id, { timer: setTimeout(go, UNDO_MILLISECONDS), run: go });
      set(({ ids }) => ({ ids: new Set(ids).add(id) }));
    },
    undo: (id) => {
      forget(id);
      set(({ ids }) => ({ ids: new Set([...ids].filter((other) => other !== id)) }));
    },
  };
});

// Whoever closes the page meant what they said.
window.addEventListener("pagehide", () => {
  for (const { run } of [...pending.values()]) run();
});
