import { type FormEvent, useState } from "react";
import { useAppeal, useAppealRequest } from "@/api/appeals";
import { Button } from "@/components/Button";
import { TextArea } from "@/components/Field";
import { ErrorNotice } from "@/components/Notice";

/** Shows the appeal of a rejected request and its decision, or the form to appeal. */
export function Appeal({ requestId }: { requestId: string }) {
  const appeal = useAppeal(requestId);
  const [open, setOpen] = useState(false);
  if (appeal.isError || appeal.data === undefined) return null;
  if (appeal.data === null)
    return open ? (
      <AppealForm requestId={requestId} onCancel={() => setOpen(false)} />
    ) : (
      <Button variant="ghost" className="justify-self-start" onClick={() => setOpen(true)}>
        Appeal this decision…
      </Button>
    );
  const { status, decision_reason: reason } = appeal.data;
  return (
    <p className="text-sm" role="status">
      {status === "pending" && "You appealed. A person will decide."}
      {status === "granted" && `Your appeal was granted, and the request runs again. ${reason}`}
      {status === "refused" && `Your appeal was refused. ${reason}`}
    </p>
  );
}

function AppealForm({ requestId, onCancel }: { requestId: string; onCancel(): void }) {
  const appeal = useAppealRequest(requestId);
  const [reason, setReason] = useState("");
  const [missing, setMissing] = useState(false);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason.trim() === "") setMissing(true);
    else appeal.mutate(reason);
  };
  return (
    <form onSubmit={submit} className="grid gap-3" noValidate>
      <TextArea
        label="Why is this decision wrong?"
        hint="A person reads your reason and your prompt. You can appeal once."
        rows={3}
        maxLength={2000}
        value={reason}
        error={missing ? "Enter a reason." : undefined}
        onChange={(event) => {
          setReason(event.target.value);
          setMissing(false);
        }}
      />
      {appeal.error && <ErrorNotice error={appeal.error} />}
      <div className="flex gap-2">
        <Button type="submit" variant="primary" disabled={appeal.isPending}>
          {appeal.isPending ? "Sending…" : "Send appeal"}
        </Button>
        <Button variant="ghost" onClick={onCancel}>
          Cancel
        </Button>
      </div>
    </form>
  );
}
