import { useState } from "react";
import { type Group, useDeadLetters, useReplay } from "@/api/operations";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { timeAgo, count, plural } from "@/lib/format";
import { humanize } from "@/lib/labels";
import { showToast } from "@/state/toasts";

/** What failed, the same failures together, with what helps. */
export function DeadLetters() {
  const letters = useDeadLetters();
  const [chosen, setChosen] = useState<Group>();
  if (letters.isError && !letters.data) return <ErrorNotice error={letters.error} retry={() => void letters.refetch()} />;
  if (!letters.data) return <Skeleton className="h-24" />;
  if (letters.data.groups.length === 0) return <p className="text-muted text-sm">Nothing waits for an operator.</p>;
  return (
    <>
      <ul className="grid gap-3">
        {letters.data.groups.map((group) => (
          <li
            key={group.step + group.fingerprint}
            className="grid gap-2 rounded-card border border-line bg-surface p-4 sm:grid-cols-[1fr_auto] sm:items-start"
          >
            <div className="grid gap-1">
              <p className="font-medium">
                {plural(group.count, "message")} in {group.step}
                <span className="ml-2 rounded-full bg-warn-soft px-2 py-0.5 text-warn text-xs">
                  {humanize(group.kind)}
                </span>
              </p>
              <p className="text-sm">{group.reason}</p>
              <p className="text-muted text-sm">{group.advice}</p>
              <p className="margin-note text-muted">
                {group.error} · {group.fingerprint} · since {timeAgo(group.oldest)}
              </p>
            </div>
            <Button onClick={() => setChosen(group)}>Replay…</Button>
          </li>
        ))}
      </ul>
      {!letters.data.complete && (
        <p className="text-muted text-sm">There are more than could be read at once: replay these first.</p>
      )}
      {chosen && <Confirm group={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

/** Nothing is sent back before it was tried on paper; then one message goes first. */
function Confirm({ group, onClose }: { group: Group; onClose(): void }) {
  const trial = useReplay();
  const replay = useReplay();
  const letters = { queue: group.step, fingerprint: group.fingerprint };
  const send = (canary: boolean) =>
    replay.mutate(
      { ...letters, dry_run: false, canary },
      {
        onSuccess: ({ outcomes }) => {
          const sent = outcomes.filter(({ action }) => action === "replayed" || action === "canary_passed").length;
          showToast(`${count(sent)} of ${plural(outcomes.length, "message")} sent back to ${group.step}.`);
          onClose();
        },
      },
    );
  const failed = trial.error ?? replay.error;
  return (
    <Dialog title={`Replay ${plural(group.count, "message")}?`} onClose={onClose}>
      <div className="grid gap-4 text-sm">
        <p>
          They go back to {group.step} and are handled once more. If what made them fail is still there, they come back
          here.
        </p>
        {failed && <ErrorNotice error={failed} />}
        {trial.data && (
          <ul className="grid max-h-48 gap-1 overflow-y-auto">
            {trial.data.outcomes.map((outcome) => (
              <li key={outcome.message_ids[0]} className="flex justify-between gap-3">
                <span className="margin-note truncate">{outcome.request_id ?? outcome.event_id}</span>
                <span className="text-muted">{[outcome.verdict, outcome.why].filter(Boolean).join(": ")}</span>
              </li>
            ))}
          </ul>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button variant="ghost" onClick={onClose}>
            Leave them
          </Button>
          {trial.data ? (
            <Button variant="primary" disabled={replay.isPending} onClick={() => send(true)}>
              {replay.isPending ? "Sending…" : "One first, then the rest"}
            </Button>
          ) : (
            <Button disabled={trial.isPending} onClick={() => trial.mutate({ ...letters, dry_run: true })}>
              {trial.isPending ? "Looking…" : "See what would happen"}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
