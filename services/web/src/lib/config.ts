/** The app configuration. Loaded at run time, so that one build serves every environment. */
export type Config = { apiUrl: string };

/** Fetch `/config.json`. Throws an error with a readable message if it is missing or has no API URL. */
export async function loadConfig(): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache" });
  if (!response.ok) throw new Error("The app configuration is missing (/config.json).");
  const config: unknown = await response.json();
  if (typeof config !== "object" || config === null || !("apiUrl" in config) || typeof config.apiUrl !== "string")
    throw new Error("The app configuration has no API URL (apiUrl in /config.json).");
  return { apiUrl: config.apiUrl.replace(/\/+$/, "") };
}
