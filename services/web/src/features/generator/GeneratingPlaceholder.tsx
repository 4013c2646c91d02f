import type { Status } from "genai-images-client";

type GeneratingPlaceholderProps = { width: number; height: number; status: Status; delay: number };

const OPACITY: Record<string, string> = {
  accepted: "opacity-25",
  generating: "opacity-60",
  checking: "opacity-90",
  storing: "opacity-100",
};

/** An animated placeholder for an image in progress. It becomes more opaque with each status. */
export function GeneratingPlaceholder({ width, height, status, delay }: GeneratingPlaceholderProps) {
  return (
    <div
      className="relative isolate overflow-hidden rounded-image bg-sunken"
      style={{ aspectRatio: `${width} / ${height}` }}
      aria-hidden
    >
      <div
        className={`absolute -inset-1/4 animate-drift blur-3xl transition-opacity duration-1000 ${OPACITY[status] ?? "opacity-25"}`}
        style={{
          animationDelay: `${delay * -1.7}s`,
          background:
            "radial-gradient(circle at 30% 40%, var(--color-accent), transparent 45%), radial-gradient(circle at 70% 60%, var(--color-edge), transparent 50%)",
        }}
      />
      <svg
        viewBox="0 0 100 100"
        preserveAspectRatio="none"
        aria-hidden
        className="absolute inset-3 size-[calc(100%-1.5rem)] text-ink/30"
      >
        <path
          d="M0 8V0H8M92 0H100V8M100 92V100H92M8 100H0V92"
          fill="none"
          stroke="currentColor"
          strokeWidth="1"
          vectorEffect="non-scaling-stroke"
        />
      </svg>
    </div>
  );
}
