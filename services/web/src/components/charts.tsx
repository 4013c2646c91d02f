import { useId } from "react";

export type Bar = { name: string; value: number; text: string };

/** A bar chart over time. The chart is hidden from screen readers; the table below it has the same numbers. */
export function BarChart({ title, unit, bars }: { title: string; unit: string; bars: readonly Bar[] }) {
  const id = useId();
  const max = Math.max(0, ...bars.map(({ value }) => value)) || 1;
  const [width, height] = [600, 160];
  const step = width / Math.max(1, bars.length);
  return (
    <figure aria-labelledby={id} className="grid gap-3">
      <figcaption id={id} className="flex items-baseline justify-between gap-3">
        <span className="font-semibold">{title}</span>
        <span className="margin-note text-muted">max: {bars.find(({ value }) => value === max)?.text ?? "0"}</span>
      </figcaption>
      <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" className="h-40 w-full" aria-hidden>
        <line
          x1="0"
          x2={width}
          y1={height - 1}
          y2={height - 1}
          className="stroke-edge"
          vectorEffect="non-scaling-stroke"
        />
        {bars.map(({ name, value, text }, index) => {
          const barHeight = (value / max) * (height - 12);
          return (
            <g key={name} className="fill-accent hover:fill-accent-strong">
              <title>{`${name}: ${text}`}</title>
              <rect x={index * step} y="0" width={step} height={height} className="fill-transparent" />
              <rect
                x={index * step + step * 0.14}
                y={height - 1 - barHeight}
                width={step * 0.72}
                height={barHeight}
                rx="1.5"
              />
            </g>
          );
        })}
      </svg>
      <div className="margin-note flex justify-between text-muted" aria-hidden>
        <span>{bars[0]?.name}</span>
        <span>{bars.at(-1)?.name}</span>
      </div>
      <DataTable title={title} unit={unit} bars={bars} />
    </figure>
  );
}

/** A table of values with a bar per row, largest first. */
export function Breakdown({
  title,
  unit,
  bars,
  empty,
}: {
  title: string;
  unit: string;
  bars: readonly Bar[];
  empty: string;
}) {
  const id = useId();
  const max = Math.max(0, ...bars.map(({ value }) => value)) || 1;
  return (
    <section aria-labelledby={id} className="grid content-start gap-3">
      <h2 id={id} className="font-semibold">
        {title}
      </h2>
      {bars.length === 0 ? (
        <p className="text-muted text-sm">{empty}</p>
      ) : (
        <table className="w-full text-sm">
          <thead className="sr-only">
            <tr>
              <th scope="col">Name</th>
              <th scope="col">{unit}</th>
            </tr>
          </thead>
          <tbody>
            {bars.map(({ name, value, text }) => (
              <tr key={name}>
                <th scope="row" className="w-full py-1 text-left font-normal">
                  <span className="mb-1 block">{name}</span>
                  <svg viewBox="0 0 100 4" preserveAspectRatio="none" className="block h-1 w-full" aria-hidden>
                    <rect width="100" height="4" className="fill-sunken" />
                    <rect width={(value / max) * 100} height="4" className="fill-accent" />
                  </svg>
                </th>
                <td className="margin-note py-1 pl-4 text-right align-top text-ink leading-5">{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

function DataTable({ title, unit, bars }: { title: string; unit: string; bars: readonly Bar[] }) {
  return (
    <details className="text-sm">
      <summary className="w-fit text-muted hover:text-ink">Show as table</summary>
      <div className="mt-2 max-h-64 overflow-y-auto">
        <table className="w-full">
          <caption className="sr-only">{title}</caption>
          <thead>
            <tr className="text-left text-muted">
              <th scope="col" className="font-normal">
                Day
              </th>
              <th scope="col" className="text-right font-normal">
                {unit}
              </th>
            </tr>
          </thead>
          <tbody>
            {bars.map(({ name, text }) => (
              <tr key={name} className="border-line border-t">
                <th scope="row" className="text-left font-normal">
                  {name}
                </th>
                <td className="margin-note text-right">{text}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
