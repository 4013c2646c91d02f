type PipelineStep = { service: string; step: string; consumes: string; publishes: string };

/** The pipeline in order, with the names of the events on the success path. */
const PIPELINE: PipelineStep[] = [
  { service: "intake", step: "stores the request", consumes: "POST /v1/requests", publishes: "ImageRequested" },
  { service: "moderation", step: "checks the prompt", consumes: "ImageRequested", publishes: "PromptApproved" },
  { service: "generation", step: "generates the image", consumes: "PromptApproved", publishes: "ImageGenerated" },
  { service: "moderation", step: "checks the image", consumes: "ImageGenerated", publishes: "ImageApproved" },
  { service: "storage", step: "stores three sizes", consumes: "ImageApproved", publishes: "ImageStored" },
];

const SUBSCRIBERS = [
  { service: "intake", role: "tracks the status and timeline of each request" },
  { service: "notifications", role: "pushes status changes to the owner" },
  { service: "analytics", role: "counts every event exactly once" },
];

const [WIDTH, COLUMN, TOP, BUS] = [1120, 224, 24, 250];

/** A diagram of the architecture. Phones show the same content as a list. */
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
        {PIPELINE.map((step, index) => (
          <StepBox key={step.publishes} step={step} index={index} />
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
        {SUBSCRIBERS.map(({ service, role }, index) => {
          const x = index * 380;
          return (
            <g key={service}>
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
                {service}
              </text>
              <text x={x + 16} y={BUS + 169} className="fill-muted text-[12.5px]">
                {role}
              </text>
            </g>
          );
        })}
      </svg>
      <ol className="grid gap-4 md:hidden">
        {PIPELINE.map(({ service, step, consumes, publishes }) => (
          <li key={publishes} className="border-line border-l-2 pl-4">
            <p className="font-semibold">
              {service} <span className="font-normal text-muted">{step}</span>
            </p>
            <p className="margin-note text-muted">
              {consumes} <span className="text-accent">→ {publishes}</span>
            </p>
          </li>
        ))}
        {SUBSCRIBERS.map(({ service, role }) => (
          <li key={service} className="border-line border-l-2 border-dashed pl-4">
            <p className="font-semibold">
              {service} <span className="font-normal text-muted">{role}</span>
            </p>
          </li>
        ))}
      </ol>
      <figcaption id="architecture-caption" className="mt-6 text-muted text-sm">
        A request passes through intake, moderation, generation, moderation again and storage. The services communicate
        only through events on one bus. Each service consumes events from its own queue, which has a dead-letter queue.
        Intake, notifications and analytics also consume events from every stage.
      </figcaption>
    </figure>
  );
}

function StepBox({ step, index }: { step: PipelineStep; index: number }) {
  const x = index * COLUMN;
  const first = index === 0;
  return (
    <g>
      <rect x={x} y={TOP} width="204" height="92" rx="8" className="fill-raised stroke-line" />
      <text x={x + 16} y={TOP + 30} className="fill-ink font-semibold text-[16px]">
        {step.service}
      </text>
      <text x={x + 16} y={TOP + 53} className="fill-muted text-[13px]">
        {step.step}
      </text>
      <text x={x + 16} y={TOP + 77} className="fill-accent font-mono text-[11px]">
        {first ? step.consumes : `⟵ ${step.consumes}`}
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
        {step.publishes}
      </text>
    </g>
  );
}

/** A queue symbol: messages in a row. */
function Queue({ x, y }: { x: number; y: number }) {
  return (
    <g className="fill-surface stroke-edge">
      {[0, 10, 20, 30].map((offset) => (
        <rect key={offset} x={x + offset} y={y} width="8" height="13" rx="1.5" />
      ))}
    </g>
  );
}
