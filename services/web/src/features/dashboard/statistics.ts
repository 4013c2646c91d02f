import type { DayNumbers, Numbers } from "genai-images-client";
import type { Bar } from "@/components/charts";
import { count, usd } from "@/lib/format";

const COUNTED = ["succeeded", "rejected", "failed", "expired"] as const;

/** Return the share of finished requests that succeeded, ignoring cancelled ones; null if none finished. */
export function successRate({ requests }: Pick<Numbers, "requests">): number | null {
  const finished = COUNTED.reduce((sum, status) => sum + (requests[status] ?? 0), 0);
  return finished === 0 ? null : (requests.succeeded ?? 0) / finished;
}

/** Return one bar per day. */
export function daily(days: readonly DayNumbers[], value: (day: DayNumbers) => number, text = count): Bar[] {
  return days.map((day) => ({ name: shortDay(day.day), value: value(day), text: text(value(day)) }));
}

export const stored = (day: Pick<Numbers, "images">): number => day.images.stored ?? 0;

/** Return the largest counts, with readable names. */
export function largest(counts: Record<string, number>, labelOf: (key: string) => string, limit = 8): Bar[] {
  return Object.entries(counts)
    .filter(([, value]) => value > 0)
    .sort(([, one], [, other]) => other - one)
    .slice(0, limit)
    .map(([key, value]) => ({ name: labelOf(key), value, text: count(value) }));
}

/** Return the cost per model, highest first. */
export function costs(models: Numbers["models"], labelOf: (key: string) => string): Bar[] {
  return Object.entries(models)
    .map(([key, { cost_usd }]) => ({ name: labelOf(key), value: Number(cost_usd), text: usd(cost_usd) }))
    .filter(({ value }) => value > 0)
    .sort((one, other) => other.value - one.value);
}

/** Return the first and the last day of a period of `days` days up to today, in UTC. */
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
