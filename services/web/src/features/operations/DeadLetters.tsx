import type { DeadLetterGroup } from "genai-images-client";
import { useState } from "react";
import { useDeadLetters, useReplay } from "@/api/operations";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { count, plural, timeAgo } from "@/lib/format";
import { humanize } from "@/lib/labels";
import { showToast } from "@/state/toasts";

/** Lists dead letters, grouped by fingerprint, with advice. */
export function DeadLetters() {
  const letters = useDeadLetters();
  const [chosen, setChosen] = useState<DeadLetterGroup>();
  if (letters.isError && !letters.data)
    return <ErrorNotice error={letters.error} retry={() => void letters.refetch()} />;
  if (!letters.data) return <Skeleton className="h-24" />;
  if (letters.data.groups.length === 0) return <p className="text-muted text-sm">There are no dead letters.</p>;
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
                {group.error} · {group.fingerprint} · oldest {timeAgo(group.oldest)}
              </p>
            </div>
            <Button onClick={() => setChosen(group)}>Replay…</Button>
          </li>
        ))}
      </ul>
      {!letters.data.complete && (
        <p className="text-muted text-sm">There are more dead letters than one page can show. Replay these first.</p>
      )}
      {chosen && <ReplayDialog group={chosen} onClose={() => setChosen(undefined)} />}
    </>
  );
}

/** Requires a dry run before a replay. The replay then starts with one message, the canary. */
function ReplayDialog({ group, onClose }: { group: DeadLetterGroup; onClose(): void }) {
  const dryRun = useReplay();
  const replay = useReplay();
  const letters = { queue: group.step, fingerprint: group.fingerprint };
  const send = (canary: boolean) =>
    replay.mutate(
      { ...letters, dry_run: false, canary },
      {
        onSuccess: ({ outcomes }) => {
          const sent = outcomes.filter(({ action }) => action === "replayed" || action === "canary_passed").length;
          showToast(`${count(sent)} of ${plural(outcomes.length, "message")} replayed to ${group.step}.`);
          onClose();
        },
      },
    );
  const failed = dryRun.error ?? replay.error;
  return (
    <Dialog title={`Replay ${plural(group.count, "message")}?`} onClose={onClose}>
      <div className="grid gap-4 text-sm">
        <p>
          The messages return to the queue of {group.step} and are processed again. Messages that still fail return
          here.
        </p>
        {failed && <ErrorNotice error={failed} />}
        {dryRun.data && (
          <ul className="grid max-h-48 gap-1 overflow-y-auto">
            {dryRun.data.outcomes.map((outcome) => (
              <li key={outcome.message_ids[0]} className="flex justify-between gap-3">
                <span className="margin-note truncate">{outcome.request_id ?? outcome.event_id}</span>
                <span className="text-muted">
                  {[outcome.verdict && humanize(outcome.verdict), outcome.why].filter(Boolean).join(": ")}
                </span>
              </li>
            ))}
          </ul>
        )}
        <div className="flex flex-wrap justify-end gap-2">
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          {dryRun.data ? (
            <Button variant="primary" disabled={replay.isPending} onClick={() => send(true)}>
              {replay.isPending ? "Replaying…" : "Replay, canary first"}
            </Button>
          ) : (
            <Button disabled={dryRun.isPending} onClick={() => dryRun.mutate({ ...letters, dry_run: true })}>
              {dryRun.isPending ? "Running…" : "Start dry run"}
            </Button>
          )}
        </div>
      </div>
    </Dialog>
  );
}
