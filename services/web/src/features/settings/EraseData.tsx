import { useState } from "react";
import { useEraseMe } from "@/api/erasures";
import { Button } from "@/components/Button";
import { Dialog } from "@/components/Dialog";
import { ErrorNotice } from "@/components/Notice";

/** Erases everything of the owner, after a confirmation that says what that is. */
export function EraseData() {
  const [asking, setAsking] = useState(false);
  const erasure = useEraseMe();
  return (
    <div className="flex flex-wrap items-center justify-between gap-3">
      <p className="min-w-0 flex-1 basis-64 text-muted text-sm">
        Erase everything that is stored about you. Deleting single images and requests does not need this.
      </p>
      <Button variant="danger" onClick={() => setAsking(true)}>
        Erase my data
      </Button>
      {asking && (
        <Dialog title="Erase all your data?" onClose={() => setAsking(false)}>
          <div className="grid gap-4 text-sm">
            <p>This erases permanently, for every key of yours and for everyone who uses one:</p>
            <ul className="grid list-disc gap-1 pl-5">
              <li>your requests with their prompts, also those in progress</li>
              <li>your images with their files and share links</li>
              <li>your webhooks with their deliveries</li>
              <li>your API keys, which stop working within a minute, your preferences and your consent</li>
              <li>what this browser stores of your session</li>
            </ul>
            <p>
              You get a receipt that lists every place, what was erased there, and what remains until when. It is
              complete after about 26 hours.
            </p>
            {erasure.error && <ErrorNotice error={erasure.error} />}
            <div className="flex flex-wrap justify-end gap-2">
              <Button onClick={() => setAsking(false)}>Keep my data</Button>
              <Button
                variant="danger"
                disabled={erasure.isPending || erasure.isSuccess}
                onClick={() => erasure.mutate()}
              >
                {erasure.isPending ? "Erasing…" : "Erase everything"}
              </Button>
            </div>
          </div>
        </Dialog>
      )}
    </div>
  );
}
