type Service = { name: string; does: string; hears: string; says: string };

/** In the order in which a request meets them; `hears` and `says` are the events' own names. */
const SERVICES: Service[] = [
  { name: "intake", does: "writes it down, answers", hears: "POST /v1/requests", says: "ImageRequested" },
  { name: "moderation", does: "reads the prompt", hears: "ImageRequested", says: "PromptApproved" },
  { name: "generation", does: "asks a model to draw", hears: "PromptApproved", says: "ImageGenerated" },
  { name: "moderation", does: "looks at the picture", hears: "ImageGenerated", says: "ImageApproved" },
  { name: "storage", does: "keeps it in three sizes", hears: "ImageApproved", says: "ImageStored" },
];

const LISTENERS = [
  { name: "intake", does: "keeps each request's status and timeline" },
  { name: "notifications", does: "pushes each change to its owner" },
  { name: "analytics", does: "counts everything once" },
];

const [WIDTH, STEP, TOP, BUS] = [1120, 224, 24, 250];

/** The real architecture as a picture; the same in words for those who cannot see it, and on phones. */
export function Architecture() {
  return (
    <figure className="mt-10 rounded-card border border-line bg-surface p-5 sm:p-8">
      <svg
        viewBox={`0 0 ${WIDTH} 460`}
        className="hidden w-full md:block"
        role="img"
        aria-labelledby="architecture-caption"
      >
        <title>The services and the event bus between them</title>
        <defs>
          <marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
            <path d="M0 0l8 4-8 4z" className="fill-edge" />
          </marker>
        </defs>
        {SERVICES.map((service, index) => (
          <Step key={service.says} service={service} index={index} />
        ))}
        <rect x="0" y={BUS} width={WIDTH} height="40" rx="20" className="fill-ink" />
        <text
          x={WIDTH / 2}
          y={BUS + 25}
          textAnchor="middle"
          className="fill-ground font-display font-semibold text-[15px]"
        >
          event bus
        </text>
        {LISTENERS.map(({ name, does }, index) => {
          const x = index * 380;
          return (
            <g key={name}>
              <path
                d={`M${x + 180} ${BUS + 42}v34`}
                className="stroke-edge"
                strokeWidth="1.5"
                markerEnd="url(#arrow)"
              />
              <Queue x={x + 160} y={BUS + 80} />
              <path
                d={`M${x + 180} ${BUS + 94}v20`}
                className="stroke-edge"
                strokeWidth="1.5"
                markerEnd="url(#arrow)"
              />
              <rect x={x} y={BUS + 118} width="360" height="70" rx="8" className="fill-raised stroke-line" />
              <text x={x + 16} y={BUS + 146} className="fill-ink font-semibold text-[15px]">
                {name}
              </text>
              <text x={x + 16} y={BUS + 169} className="fill-muted text-[12.5px]">
                {does}
              </text>
            </g>
          );
        })}
      </svg>
      <ol className="grid gap-4 md:hidden">
        {SERVICES.map(({ name, does, hears, says }) => (
          <li key={says} className="border-line border-l-2 pl-4">
            <p className="font-semibold">
              {name} <span className="font-normal text-muted">{does}</span>
            </p>
            <p className="margin-note text-muted">
              {hears} <span className="text-accent">→ {says}</span>
            </p>
          </li>
        ))}
        {LISTENERS.map(({ name, does }) => (
          <li key={name} className="border-line border-l-2 border-dashed pl-4">
            <p className="font-semibold">
              {name} <span className="font-normal text-muted">{does}</span>
            </p>
          </li>
        ))}
      </ol>
      <figcaption id="architecture-caption" className="mt-6 text-muted text-sm">
        A request goes from intake to moderation, generation, moderation again and storage, by events over one bus.
        Every arrow down from the bus passes a queue of the service's own, with a dead-letter queue behind it.
        Notifications, analytics and operations listen to all of it.
      </figcaption>
    </figure>
  );
}

function Step({ service, index }: { service: Service; index: number }) {
  const x = index * STEP;
  const first = index === 0;
  return (
    <g>
      <rect x={x} y={TOP} width="204" height="92" rx="8" className="fill-raised stroke-line" />
      <text x={x + 16} y={TOP + 30} className="fill-ink font-semibold text-[16px]">
        {service.name}
      </text>
      <text x={x + 16} y={TOP + 53} className="fill-muted text-[13px]">
        {service.does}
      </text>
      <text x={x + 16} y={TOP + 77} className="fill-accent font-mono text-[11px]">
        {first ? service.hears : `⟵ ${service.hears}`}
      </text>
      {!first && (
        <>
          <path
            d={`M${x + 44} ${BUS - 2}V${TOP + 142}`}
            className="stroke-edge"
            strokeWidth="1.5"
            markerEnd="url(#arrow)"
          />
          <Queue x={x + 24} y={TOP + 124} />
          <path
            d={`M${x + 44} ${TOP + 122}V${TOP + 96}`}
            className="stroke-edge"
            strokeWidth="1.5"
            markerEnd="url(#arrow)"
          />
        </>
      )}
      <path
        d={`M${x + 160} ${TOP + 94}V${BUS - 6}`}
        className="stroke-accent"
        strokeWidth="1.5"
        markerEnd="url(#arrow)"
      />
      <text x={x + 152} y={TOP + 190} textAnchor="end" className="fill-ink font-mono text-[11px]">
        {service.says}
      </text>
    </g>
  );
}

/** A queue: a few messages in a row. */
function Queue({ x, y }: { x: number; y: number }) {
  return (
    <g className="fill-surface stroke-edge">
      {[0, 10, 20, 30].map((offset) => (
        <rect key={offset} x={x + offset} y={y} width="8" height="13" rx="1.5" />
      ))}
    </g>
  );
}
