import { create } from "zustand";

type Pending = { timer: ReturnType<typeof setTimeout>; run(): void };
type Deletions = {
  /** Images and requests that are hidden already and will be deleted once the undo period has passed. */
  ids: ReadonlySet<string>;
  schedule(id: string, run: () => void): void;
  undo(id: string): void;
};

export const UNDO_MILLISECONDS = 7_000;
const pending = new Map<string, Pending>();

export const useDeletions = create<Deletions>((set) => {
  const unschedule = (id: string) => {
    const deletion = pending.get(id);
    if (!deletion) return;
    clearTimeout(deletion.timer);
    pending.delete(id);
  };
  return {
    ids: new Set(),
    schedule: (id, run) => {
      unschedule(id);
      const execute = () => {
        unschedule(id);
        run();
      };
      pending.set(id, { timer: setTimeout(execute, UNDO_MILLISECONDS), run: execute });
      set(({ ids }) => ({ ids: new Set(ids).add(id) }));
    },
    undo: (id) => {
      unschedule(id);
      set(({ ids }) => ({ ids: new Set([...ids].filter((other) => other !== id)) }));
    },
  };
});

/** Return whether an image (`<request id>-<index>`) is deleted, or its request. */
export function isDeleted(deleted: ReadonlySet<string>, id: string): boolean {
  return deleted.has(id) || deleted.has(id.slice(0, id.lastIndexOf("-")));
}

/** End the undo period of everything. */
export function executePendingDeletions(): void {
  for (const { run } of [...pending.values()]) run();
}

window.addEventListener("pagehide", executePendingDeletions);
