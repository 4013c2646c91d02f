import { type FormEvent, useState } from "react";
import { useSearchParams } from "react-router";
import { type TraceEvent, useTrace } from "@/api/operations";
import { Button } from "@/components/Button";
import { TextField } from "@/components/Field";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { duration } from "@/lib/format";
import { statusLabel } from "@/lib/labels";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Shows the trace of a request as a tree: events, the steps that consumed them, and their attempts. */
export function TraceFinder() {
  const [search, setSearch] = useSearchParams();
  const id = search.get("request");
  const [text, setText] = useState(id ?? "");
  const [error, setError] = useState<string>();
  const trace = useTrace(id && ID.test(id) ? id : null);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const wanted = text.trim().toLowerCase();
    if (ID.test(wanted)) setSearch({ request: wanted }, { replace: true, preventScrollReset: true });
    else setError("Enter a request ID, such as 01a0b9c4-7d2e-7c31-9f60-5b1d2f7a9e04.");
  };
  return (
    <>
      <form onSubmit={submit} className="flex max-w-2xl items-start gap-2" noValidate>
        <div className="flex-1">
          <TextField
            label="Request ID"
            spellCheck={false}
            className="font-mono"
            value={text}
            error={error}
            onChange={(event) => {
              setText(event.target.value);
              setError(undefined);
            }}
          />
        </div>
        <Button type="submit" className="mt-[1.625rem]">
          Show trace
        </Button>
      </form>
      {trace.isError && <ErrorNotice error={trace.error} retry={() => void trace.refetch()} />}
      {trace.isFetching && !trace.data && <Skeleton className="h-40" />}
      {trace.data && (
        <>
          <p className="text-sm">
            {statusLabel(trace.data.status)} after {duration(trace.data.seconds * 1000)}
            <span className="margin-note text-muted"> · trace {trace.data.trace_id}</span>
          </p>
          <Tree events={trace.data.events} />
        </>
      )}
    </>
  );
}

function Tree({ events }: { events: readonly TraceEvent[] }) {
  return (
    <ul className="grid gap-2 border-line border-l-2 pl-4">
      {events.map((event) => (
        <li key={event.event_id} className="grid gap-2">
          <p className="text-sm">
            <span className="font-medium">{event.event}</span>{" "}
            <span className="margin-note text-muted">
              +{duration(event.after_seconds * 1000)}
              {!event.certain && " · inferred"}
            </span>
          </p>
          {event.steps.map((step) => (
            <div key={step.step} className="grid gap-2">
              <p className="text-sm">
                → {step.step}{" "}
                <span className="margin-note text-muted">
                  {[
                    step.attempts > 1 && `${step.attempts} attempts`,
                    step.waited_seconds !== undefined && `queued ${duration(step.waited_seconds * 1000)}`,
                    step.worked_seconds !== undefined && `ran ${duration(step.worked_seconds * 1000)}`,
                    ...step.calls,
                  ]
                    .filter(Boolean)
                    .join(" · ")}
                </span>
              </p>
              {step.events.length > 0 && <Tree events={step.events} />}
            </div>
          ))}
        </li>
      ))}
    </ul>
  );
}
