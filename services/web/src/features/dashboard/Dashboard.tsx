import type { Numbers } from "genai-images-client";
import { useState } from "react";
import { useDaily } from "@/api/analytics";
import { useModels } from "@/api/models";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { BarChart, Breakdown } from "@/components/charts";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { RadioGroup } from "@/components/RadioGroup";
import { Title } from "@/components/Title";
import { count, duration, usd } from "@/lib/format";
import { categoryLabel, humanize } from "@/lib/labels";
import { costs, daily, largest, range, stored, successRate } from "./statistics";

const PERIODS = [
  { value: 7, label: "7 days" },
  { value: 30, label: "30 days" },
  { value: 90, label: "90 days" },
];

/** Shows how many images were generated, what was rejected or failed, and the cost. */
export function Dashboard() {
  const [days, setDays] = useState(30);
  return (
    <div className="page pt-8 sm:pt-12">
      <Title>Dashboard</Title>
      <header className="mb-8 flex flex-wrap items-end justify-between gap-4">
        <h1 className="font-bold text-4xl tracking-tight sm:text-5xl">Dashboard</h1>
        <RadioGroup legend="Period" hideLegend options={PERIODS} value={days} onChange={(next) => setDays(next)} />
      </header>
      <RequireApiKey purpose="The dashboard needs a key with the scope analytics:read.">
        <Report days={days} />
      </RequireApiKey>
    </div>
  );
}

function Report({ days }: { days: number }) {
  const { from, to } = range(days);
  const report = useDaily(from, to);
  const models = useModels().data ?? [];
  const modelName = (key: string) => models.find((model) => model.key === key)?.name ?? key;
  if (report.isError && !report.data) return <ErrorNotice error={report.error} retry={() => void report.refetch()} />;
  if (!report.data) return <ReportSkeleton />;
  const { total } = report.data;
  return (
    <div className="grid grid-cols-1 gap-12" aria-busy={report.isPlaceholderData}>
      <Totals total={total} />
      <div className="grid gap-x-12 gap-y-10 lg:grid-cols-2">
        <BarChart title="Images per day" unit="Images" bars={daily(report.data.days, stored)} />
        <BarChart
          title="Cost per day"
          unit="Cost"
          bars={daily(report.data.days, ({ cost_usd }) => Number(cost_usd), usd)}
        />
      </div>
      <div className="grid gap-x-12 gap-y-10 border-line border-t pt-8 sm:grid-cols-2 lg:grid-cols-4">
        <Breakdown
          title="Cost by model"
          unit="Cost (US dollars)"
          bars={costs(total.models, modelName)}
          empty="No cost in this period."
        />
        <Breakdown
          title="Requests by style"
          unit="Requests"
          bars={largest(total.styles, humanize)}
          empty="No request used a style."
        />
        <Breakdown
          title="Rejected by category"
          unit="Requests"
          bars={largest(total.rejections, (key) => humanize(categoryLabel(key)))}
          empty="No request was rejected."
        />
        <Breakdown
          title="Failed by reason"
          unit="Requests"
          bars={largest(total.failures, humanize)}
          empty="No request failed."
        />
      </div>
      <Steps total={total} />
      <p className="text-muted text-sm">Days are in UTC. Statistics cover all owners and are a few seconds behind.</p>
    </div>
  );
}

function Totals({ total }: { total: Numbers }) {
  const rate = successRate(total);
  const request = total.steps.request;
  const statistics = [
    ["Images stored", count(stored(total))],
    ["Requests", count(total.requests.accepted ?? 0)],
    ["Success rate", rate === null ? "–" : `${(rate * 100).toFixed(rate === 1 ? 0 : 1)} %`],
    ["Median time", request ? duration(request.p50_ms) : "–"],
    ["Cost", usd(total.cost_usd)],
  ];
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-6 border-line border-y py-6 sm:grid-cols-5">
      {statistics.map(([name, value]) => (
        <div key={name} className="grid gap-1">
          <dt className="text-muted text-sm">{name}</dt>
          <dd className="font-display font-semibold text-3xl tabular-nums tracking-tight">{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Steps({ total }: { total: Numbers }) {
  const steps = Object.entries(total.steps).sort(([, one], [, other]) => other.p50_ms - one.p50_ms);
  if (steps.length === 0) return null;
  return (
    <section aria-labelledby="steps" className="border-line border-t pt-8">
      <h2 id="steps" className="mb-3 font-semibold text-lg">
        Duration per step
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard */}
      <section className="overflow-x-auto" tabIndex={0} aria-label="Table of durations">
        <table className="w-full min-w-140 text-sm">
          <thead>
            <tr className="text-left text-muted">
              {["Step", "Runs", "Median", "95th percentile", "Stalled", "Replayed"].map((name, index) => (
                <th key={name} scope="col" className={`py-1.5 font-normal ${index > 0 ? "text-right" : ""}`}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {steps.map(([name, step]) => (
              <tr key={name} className="border-line border-t">
                <th scope="row" className="py-1.5 text-left font-normal">
                  {name === "request" ? "Whole request" : name}
                </th>
                {[
                  count(step.count),
                  duration(step.p50_ms),
                  duration(step.p95_ms),
                  count(step.stalled),
                  count(step.replayed),
                ].map((text, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns never change their order
                  <td key={index} className="margin-note py-1.5 text-right text-ink">
                    {text}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}

function ReportSkeleton() {
  return (
    <div className="grid gap-8" role="status" aria-label="Loading statistics">
      <Skeleton className="h-24" />
      <div className="grid gap-8 lg:grid-cols-2">
        <Skeleton className="h-48" />
        <Skeleton className="h-48" />
      </div>
    </div>
  );
}
