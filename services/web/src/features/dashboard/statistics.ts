import type { DayNumbers, Numbers } from "@/api/analytics";
import type { Bar } from "@/components/charts";
import { count, usd } from "@/lib/format";

const ENDED = ["succeeded", "rejected", "failed", "expired"] as const;

/** The share of requests that ended with a picture, of those that ended and were not taken back; null where none did. */
export function successRate({ requests }: Pick<Numbers, "requests">): number | null {
  const ended = ENDED.reduce((sum, status) => sum + (requests[status] ?? 0), 0);
  return ended === 0 ? null : (requests.succeeded ?? 0) / ended;
}

/** A bar for each day. */
export function daily(days: readonly DayNumbers[], value: (day: DayNumbers) => number, text = count): Bar[] {
  return days.map((day) => ({ name: shortDay(day.day), value: value(day), text: text(value(day)) }));
}

export const stored = (day: Pick<Numbers, "images">): number => day.images.stored ?? 0;

/** The largest of a table of counts, with names that people read. */
export function largest(counts: Record<string, number>, named: (key: string) => string, most = 8): Bar[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .sort(([, one], [, other]) => other - one)
    .slice(0, most)
    .map(([key, value]) => ({ name: named(key), value, text: count(value) }));
}

/** What was paid, by model. */
export function costs(models: Numbers["models"], named: (key: string) => string): Bar[] {
  return Object.entries(models)
    .map(([key, { cost_usd }]) => ({ name: named(key), value: Number(cost_usd), text: usd(cost_usd) }))
    .filter(({ value }) => value > 0)
    .sort((one, other) => other.value - one.value);
}

/** The first and the last of `days` days that end today, in UTC. */
export function range(days: number, now: Date = new Date()): { from: string; to: string } {
  const day = (ago: number) => new Date(now.getTime() - ago * 86_400_000).toISOString().slice(0, 10);
  return { from: day(days - 1), to: day(0) };
}

function shortDay(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString(undefined, {
    day: "numeric",
    month: "short",
    timeZone: "UTC",
  });
}
