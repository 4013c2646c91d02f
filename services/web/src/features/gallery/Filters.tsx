import { Heart, Search, X } from "lucide-react";
import { useEffect, useState } from "react";
import type { ImageFilters } from "@/api/images";
import { useModels } from "@/api/models";
import { humanize } from "@/lib/labels";

type FiltersProps = { filters: ImageFilters; onChange(filters: ImageFilters): void };

const TYPING_PAUSE = 350;
const CONTROL = "min-h-10 rounded-control border border-line bg-raised px-3 text-sm hover:border-edge";

/** The filter bar of the gallery. */
export function Filters({ filters, onChange }: FiltersProps) {
  const models = useModels().data ?? [];
  const styles = [...new Set(models.flatMap((model) => model.styles))].sort();
  const { favourite, ...others } = filters;
  const filtered = Object.keys(filters).length > 0;
  return (
    <search className="flex w-full flex-wrap gap-2 lg:w-auto" aria-label="Filter images">
      <SearchField value={filters.q ?? ""} onChange={(q) => onChange({ ...filters, q })} />
      <button
        type="button"
        aria-pressed={favourite === "true"}
        onClick={() => onChange(favourite ? others : { ...others, favourite: "true" })}
        className={`${CONTROL} inline-flex items-center gap-2 aria-pressed:border-accent aria-pressed:bg-accent-soft`}
      >
        <Heart className={`size-4 ${favourite ? "fill-accent text-accent" : ""}`} aria-hidden />
        Favourites
      </button>
      <select
        aria-label="Model"
        value={filters.model ?? ""}
        onChange={(event) => onChange({ ...filters, model: event.target.value })}
        className={`${CONTROL} max-w-44`}
      >
        <option value="">Any model</option>
        {models.map(({ key, name }) => (
          <option key={key} value={key}>
            {name}
          </option>
        ))}
      </select>
      <select
        aria-label="Style"
        value={filters.style ?? ""}
        onChange={(event) => onChange({ ...filters, style: event.target.value })}
        className={`${CONTROL} max-w-40`}
      >
        <option value="">Any style</option>
        {styles.map((style) => (
          <option key={style} value={style}>
            {humanize(style)}
          </option>
        ))}
      </select>
      <input
        type="date"
        aria-label="Date (UTC)"
        value={filters.day ?? ""}
        max={new Date().toISOString().slice(0, 10)}
        onChange={(event) => onChange({ ...filters, day: event.target.value })}
        className={CONTROL}
      />
      {filtered && (
        <button
          type="button"
          onClick={() => onChange({})}
          className="inline-flex min-h-10 items-center gap-1 rounded-control px-3 text-muted text-sm hover:bg-sunken hover:text-ink"
        >
          <X className="size-4" aria-hidden />
          Clear filters
        </button>
      )}
    </search>
  );
}

function SearchField({ value, onChange }: { value: string; onChange(value: string): void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPING_PAUSE);
    return () => clearTimeout(timer);
  }, [text, value, onChange]);
  return (
    <div className={`${CONTROL} flex flex-1 basis-52 items-center gap-2 focus-within:border-accent`}>
      <Search className="size-4 shrink-0 text-muted" aria-hidden />
      <input
        type="search"
        aria-label="Search prompts"
        placeholder="Search prompts"
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
        className="w-full min-w-0 bg-transparent py-2 outline-none"
      />
    </div>
  );
}
