import type { ConsentView } from "genai-images-client";
import { useState } from "react";
import { useConsent, useWithdrawConsent } from "@/api/consent";
import { Button } from "@/components/Button";
import { ConsentDialog } from "@/components/ConsentDialog";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { calendarDate, dateTime } from "@/lib/format";

/** Shows the recorded consent, and withdraws it or asks for it. */
export function Consent() {
  const consent = useConsent();
  const [open, setOpen] = useState<"agree" | "withdraw" | null>(null);
  const close = () => setOpen(null);
  if (consent.isError && !consent.data)
    return <ErrorNotice error={consent.error} retry={() => void consent.refetch()} />;
  if (!consent.data) return <Skeleton className="h-16" />;
  const { required, valid, given_at, withdrawn_at } = consent.data;
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <div className="grid min-w-0 flex-1 basis-64 gap-0.5 text-sm">
        <h3 className="font-medium">Consent</h3>
        <p className="text-muted">{summary(consent.data)}</p>
      </div>
      {given_at && !withdrawn_at && <Button onClick={() => setOpen("withdraw")}>Withdraw consent</Button>}
      {required && !valid && (
        <Button variant="primary" onClick={() => setOpen("agree")}>
          Read and agree
        </Button>
      )}
      {open === "agree" && <ConsentDialog agreeLabel="Agree" onAnswer={close} />}
      {open === "withdraw" && <WithdrawDialog required={required} onClose={close} />}
    </div>
  );
}

function summary(consent: ConsentView): string {
  const { required, valid, terms, privacy_notice, given_at, withdrawn_at } = consent;
  const refused = required ? " Until you agree, new requests are refused." : "";
  if (!given_at || !terms || !privacy_notice)
    return `You have not agreed to the terms and the privacy notice.${refused || " This installation does not require it."}`;
  if (withdrawn_at) return `You withdrew your consent on ${dateTime(withdrawn_at)}.${refused}`;
  const versions = `the terms of ${calendarDate(terms)} and the privacy notice of ${calendarDate(privacy_notice)}`;
  const agreed = `On ${dateTime(given_at)}, you agreed to ${versions}.`;
  return valid ? agreed : `${agreed} There are new versions.${refused}`;
}

function WithdrawDialog({ required, onClose }: { required: boolean; onClose(): void }) {
  const withdrawal = useWithdrawConsent();
  return (
    <Dialog title="Withdraw your consent?" onClose={onClose}>
      <div className="grid gap-4 text-sm">
        <ul className="grid list-disc gap-1 pl-5">
          <li>
            {required
              ? "After 30 seconds at most, new requests are refused, for every key of yours and for everyone who uses one. You can agree again at any time."
              : "You can still send requests, because this installation does not require your consent."}
          </li>
          <li>Requests in progress are completed.</li>
          <li>Your requests and images stay. To remove them too, erase your data.</li>
        </ul>
        {withdrawal.error && <ErrorNotice error={withdrawal.error} />}
        <div className="flex flex-wrap justify-end gap-2">
          <Button onClick={onClose}>Keep my consent</Button>
          <Button
            variant="danger"
            disabled={withdrawal.isPending}
            onClick={() => withdrawal.mutate(undefined, { onSuccess: onClose })}
          >
            {withdrawal.isPending ? "Withdrawing…" : "Withdraw consent"}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
