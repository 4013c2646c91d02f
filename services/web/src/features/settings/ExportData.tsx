import type { ExportView } from "genai-images-client";
import { useDownloadExport, useExportMe, useLatestExport } from "@/api/exports";
import { Button } from "@/components/Button";
import { ErrorNotice, Notice } from "@/components/Notice";
import { bytes, date, plural } from "@/lib/format";

/** Exports everything of the owner, shows how far the export is, and downloads its files. */
export function ExportData() {
  const latest = useLatestExport();
  const start = useExportMe();
  const running = start.isPending || latest.data?.status === "running";
  const error = start.error ?? latest.error;
  return (
    <div className="grid gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="min-w-0 flex-1 basis-64 text-muted text-sm">
          Download everything that is stored about you: your requests with their prompts, your images, and your
          settings.
        </p>
        <Button disabled={running} onClick={() => start.mutate()}>
          {running ? "Exporting…" : "Export my data"}
        </Button>
      </div>
      {error && <ErrorNotice error={error} />}
      {latest.data && <Latest shown={latest.data} />}
    </div>
  );
}

function Latest({ shown }: { shown: ExportView }) {
  if (shown.status === "failed")
    return (
      <Notice tone="error" title="Your export failed" live>
        {shown.reason} Start another one.
      </Notice>
    );
  if (shown.status === "ready") return <Files shown={shown} />;
  const { services_done, services_total, images_done, images_total } = shown.progress;
  return (
    <Notice title="Your export is being prepared" live>
      {services_done < services_total
        ? `Collecting your data: ${services_done} of ${services_total} parts are done.`
        : `Packing ${plural(images_total, "image")}: ${images_done} are done.`}
    </Notice>
  );
}

function Files({ shown }: { shown: ExportView }) {
  const download = useDownloadExport(shown.id);
  return (
    <Notice tone="success" title="Your export is ready" live>
      {shown.expires_at && <p>You can download it until {date(shown.expires_at)}.</p>}
      <ul className="mt-2 grid gap-2">
        {shown.files.map(({ name, bytes: size }) => (
          <li key={name} className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <Button disabled={download.isPending} onClick={() => download.mutate(name)}>
              Download {name}
            </Button>
            <span>{bytes(size)}</span>
          </li>
        ))}
      </ul>
      {download.error && <ErrorNotice error={download.error} />}
    </Notice>
  );
}
