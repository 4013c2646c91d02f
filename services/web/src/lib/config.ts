/** Where the API is. Read at run time, so that one build serves every stage. */
export type Config = { apiUrl: string };

/** Fetch `/config.json`. Throws with a sentence for people where it is missing or names no API. */
export async function loadConfig(): Promise<Config> {
  const answer = await fetch("/config.json", { cache: "no-cache" });
  if (!answer.ok) throw new Error("The app's configuration is missing (/config.json).");
  const found: unknown = await answer.json();
  if (typeof found !== "object" || found === null || !("apiUrl" in found) || typeof found.apiUrl !== "string")
    throw new Error("The app's configuration names no API (apiUrl in /config.json).");
  return { apiUrl: found.apiUrl.replace(/\/+$/, "") };
}
