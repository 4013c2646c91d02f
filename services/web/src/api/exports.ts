import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { exportMe, listExports, showExport } from "genai-images-client";
import { api, dataOf } from "./client";
import { keys } from "./queries";

const POLL_MILLISECONDS = 3_000;

/** Start an export of everything of the key's owner. The API returns the one that runs, if any. */
export function useExportMe() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => dataOf(exportMe({ client: api() })),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.exports }),
  });
}

/** The newest export of the owner, or null, read again while it runs. */
export function useLatestExport() {
  return useQuery({
    queryKey: keys.exports,
    queryFn: async ({ signal }) => {
      const { exports } = await dataOf(listExports({ client: api(), signal }));
      const [latest] = exports;
      if (!latest) return null;
      return dataOf(showExport({ client: api(), path: { export_id: latest.id }, signal }));
    },
    refetchInterval: ({ state }) => (state.data?.status === "running" ? POLL_MILLISECONDS : false),
  });
}

/** Download a file of an export. The link is read anew, because it is valid for minutes. */
export function useDownloadExport(id: string) {
  return useMutation({
    mutationFn: async (name: string) => {
      const { files } = await dataOf(showExport({ client: api(), path: { export_id: id } }));
      const file = files.find((each) => each.name === name);
      if (file) window.location.assign(file.url); // The answer is an attachment, so the page stays.
    },
  });
}
