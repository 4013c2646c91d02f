import type { Readiness } from "genai-images-client";
import { Notice } from "@/components/Notice";
import { count, duration, timeAgo } from "@/lib/format";

const TITLES = {
  ok: "All systems are working",
  degraded: "Working, but needs attention",
  unavailable: "A required dependency is unavailable",
} as const;
const TONES = { ok: "success", degraded: "warning", unavailable: "error" } as const;

/** Shows the state of dependencies and queues. */
export function QueueHealth({ readiness }: { readiness: Readiness }) {
  const troubled = readiness.dependencies.filter(({ status }) => status !== "ok");
  return (
    <>
      <Notice tone={TONES[readiness.status]} title={TITLES[readiness.status]} live>
        {readiness.attention.length > 0 && (
          <ul className="grid gap-0.5">
            {readiness.attention.map((line) => (
              <li key={line}>{line}</li>
            ))}
          </ul>
        )}
        {troubled.map(({ name, status, milliseconds, error }) => (
          <p key={name}>
            {name}: {status === "slow" ? `slow, ${duration(milliseconds ?? 0)}` : (error ?? "unreachable")}
          </p>
        ))}
      </Notice>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <section className="overflow-x-auto" tabIndex={0} aria-label="Queues">
        <table className="w-full min-w-140 text-sm">
          <thead>
            <tr className="text-left text-muted">
              {["Step", "Waiting", "In flight", "Oldest", "Dead letters", "Oldest dead letter"].map((name, index) => (
                <th key={name} scope="col" className={`py-1.5 font-normal ${index > 0 ? "pr-1 text-right" : "pl-1"}`}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {readiness.steps.map((step) => (
              <tr key={step.step} className={`border-line border-t ${step.dead ? "bg-bad-soft" : ""}`}>
                <th scope="row" className="py-1.5 pl-1 text-left font-normal">
                  {step.step}
                </th>
                <Cell>{number(step.waiting)}</Cell>
                <Cell>{number(step.in_flight)}</Cell>
                <Cell>{age(step.oldest_seconds)}</Cell>
                <Cell>{number(step.dead)}</Cell>
                <Cell>{age(step.oldest_dead_seconds)}</Cell>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <p className="margin-note text-muted">
        version {readiness.version} · {timeAgo(readiness.checked_at)}
      </p>
    </>
  );
}

function Cell({ children }: { children: string }) {
  return <td className="margin-note py-1.5 pr-1 text-right text-ink">{children}</td>;
}

function number(value: number | undefined): string {
  return value === undefined ? "?" : count(value);
}

function age(seconds: number | undefined): string {
  return seconds === undefined ? "–" : duration(seconds * 1000);
}
