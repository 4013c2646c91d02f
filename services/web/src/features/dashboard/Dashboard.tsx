import { useState } from "react";
import { type Numbers, useDaily } from "@/api/analytics";
import { useModels } from "@/api/models";
import { RadioGroup } from "@/components/RadioGroup";
import { BarChart, Shares } from "@/components/charts";
import { RequireApiKey } from "@/components/ApiKeyForm";
import { ErrorNotice, Skeleton } from "@/components/Notice";
import { Title } from "@/components/Title";
import { count, duration, usd } from "@/lib/format";
import { categoryLabel, humanize } from "@/lib/labels";
import { costs, daily, largest, range, stored, successRate } from "./statistics";

const PERIODS = [
  { value: 7, label: "7 days" },
  { value: 30, label: "30 days" },
  { value: 90, label: "90 days" },
];

/** What was drawn, what was not and why, and what it cost. */
export function Dashboard() {
  const [days, setDays] = useState(30);
  return (
    <div className="page pt-8 sm:pt-12">
      <Title>Dashboard</Title>
      <header className="mb-8 flex flex-wrap items-end justify-between gap-4">
        <h1 className="font-bold text-4xl tracking-tight sm:text-5xl">Dashboard</h1>
        <RadioGroup legend="Period" quiet options={PERIODS} value={days} onChange={(next) => setDays(next)} />
      </header>
      <RequireApiKey purpose="Numbers are for keys with the scope analytics:read.">
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
        <BarChart title="Pictures a day" unit="pictures" bars={daily(report.data.days, stored)} />
        <BarChart
          title="Cost a day"
          unit="spent"
          bars={daily(report.data.days, ({ cost_usd }) => Number(cost_usd), usd)}
        />
      </div>
      <div className="grid gap-x-12 gap-y-10 border-line border-t pt-8 sm:grid-cols-2 lg:grid-cols-4">
        <Shares
          title="Cost by model"
          unit="US dollars"
          bars={costs(total.models, modelName)}
          empty="Nothing was spent."
        />
        <Shares title="Styles" unit="Requests" bars={largest(total.styles, humanize)} empty="Nobody chose a style." />
        <Shares
          title="Blocked because of"
          unit="Requests"
          bars={largest(total.rejections, (key) => humanize(categoryLabel(key)))}
          empty="Nothing was blocked."
        />
        <Shares title="Failures" unit="Requests" bars={largest(total.failures, humanize)} empty="Nothing failed." />
      </div>
      <Steps total={total} />
      <p className="text-muted text-sm">Days are UTC, counted over all owners, a few seconds behind.</p>
    </div>
  );
}

function Totals({ total }: { total: Numbers }) {
  const rate = successRate(total);
  const whole = total.steps.request;
  const figures = [
    ["Pictures kept", count(stored(total))],
    ["Requests", count(total.requests.accepted ?? 0)],
    ["Ended with a picture", rate === null ? "–" : `${(rate * 100).toFixed(rate === 1 ? 0 : 1)} %`],
    ["Typical wait", whole ? duration(whole.p50_ms) : "–"],
    ["Spent", usd(total.cost_usd)],
  ];
  return (
    <dl className="grid grid-cols-2 gap-x-6 gap-y-6 border-line border-y py-6 sm:grid-cols-5">
      {figures.map(([name, value]) => (
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
        How long each step takes
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by keyboards too */}
      <section className="overflow-x-auto" tabIndex={0} aria-label="Steps in numbers">
        <table className="w-full min-w-140 text-sm">
          <thead>
            <tr className="text-left text-muted">
              {["Step", "Runs", "Half within", "95 % within", "Stalled", "Replayed"].map((name, index) => (
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
                  {name === "request" ? "The whole request" : name}
                </th>
                {[
                  count(step.count),
                  duration(step.p50_ms),
                  duration(step.p95_ms),
                  count(step.stalled),
                  count(step.replayed),
                ].map((text, index) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: columns are their order
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
    <div className="grid gap-8" role="status" aria-label="Loading the numbers">
      <Skeleton className="h-24" />
      <div className="grid gap-8 lg:grid-cols-2">
        <Skeleton className="h-48" />
        <Skeleton className="h-48" />
      </div>
    </div>
  );
}
