import type { NewDecision, PendingAppeal } from "genai-images-client";
import { useState } from "react";
import { useAppealReview, useAppeals, useDecideAppeal } from "@/api/operations";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { TextArea } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { timeAgo } from "@/lib/format";
import { categoryLabel } from "@/lib/labels";
import { showToast } from "@/state/toasts";

/** Lists the appeals that wait for a decision. Prompts are shown only in the dialog, because reading one is recorded. */
export function Appeals() {
  const appeals = useAppeals();
  const [chosen, setChosen] = useState<PendingAppeal>();
  if (appeals.isError && !appeals.data)
    return <ErrorNotice error={appeals.error} retry={() => void appeals.refetch()} />;
  if (!appeals.data) return <Skeleton className="h-24" />;
  return (
    <>
      {appeals.data.length === 0 && <p className="text-muted text-sm">No appeal waits for a decision.</p>}
      <ul className="grid gap-3">
        {appeals.data.map((appeal) => (
          <li
            key={appeal.request_id}
            className="grid gap-2 rounded-card border border-line bg-surface p-4 sm:grid-cols-[1fr_auto] sm:items-start"
          >
            <div className="grid gap-1">
              <p className="font-medium">
                {appeal.subject === "prompt" ? "Prompt" : "Images"} rejected: {categoryLabel(appeal.category)}
              </p>
              <p className="margin-note break-all text-muted">
                {appeal.request_id} · {appeal.owner} · {appeal.policy_version} · {timeAgo(appeal.appealed_at)}
              </p>
            </div>
            <Button onClick={() => setChosen(appeal)}>Review…</Button>
          </li>
        ))}
      </ul>
      {chosen && <ReviewDialog id={chosen.request_id} onClose={() => setChosen(undefined)} />}
    </>
  );
}

function ReviewDialog({ id, onClose }: { id: string; onClose(): void }) {
  const review = useAppealReview(id);
  const decide = useDecideAppeal(id);
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState(false);
  const send = (decision: NewDecision["decision"]) => {
    if (reason.trim() === "") {
      setMissing(true);
      return;
    }
    decide.mutate(
      { decision, reason },
      {
        onSuccess: () => {
          showToast(decision === "granted" ? "Appeal granted. The request runs again." : "Appeal refused.");
          onClose();
        },
      },
    );
  };
  return (
    <Dialog title="Review appeal" onClose={onClose}>
      <div className="grid gap-4 text-sm">
        {review.isError && <ErrorNotice error={review.error} />}
        {review.isPending && <Skeleton className="h-24" />}
        {review.data && (
          <dl className="grid gap-2">
            <Text name="Prompt" text={review.data.prompt} />
            {review.data.negative_prompt && <Text name="Negative prompt" text={review.data.negative_prompt} />}
            <Text name="Reason of the owner" text={review.data.reason} />
          </dl>
        )}
        <TextArea
          label="Reason of your decision"
          hint="The owner reads it."
          rows={3}
          maxLength={2000}
          value={reason}
          error={missing ? "Enter a reason." : undefined}
          onChange={(event) => {
            setReason(event.target.value);
            setMissing(false);
          }}
        />
        {decide.error && <ErrorNotice error={decide.error} />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button variant="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button variant="danger" disabled={!review.data || decide.isPending} onClick={() => send("refused")}>
            Refuse
          </Button>
          <Button variant="primary" disabled={!review.data || decide.isPending} onClick={() => send("granted")}>
            Grant
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

function Text({ name, text }: { name: string; text: string }) {
  return (
    <div>
      <dt className="text-muted">{name}</dt>
      <dd className="whitespace-pre-wrap break-words">{text}</dd>
    </div>
  );
}
